// `pulsectl policy history` and `watch`: who changed what, before and from now on.
#include <iostream>
#include <optional>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/following.h"
#include "daemon/ctl/output/message_text.h"
#include "daemon/ctl/output/quantity.h"
#include "daemon/ctl/output/table.h"
#include "daemon/ctl/policy_text.h"

namespace pulsed::ctl {
namespace {

// The newest `most`, page by page.
v1::ListRevisionsResponse list_revisions(Connection& connection, std::uint32_t most) {
  v1::ListRevisionsResponse all;
  v1::ListRevisionsRequest request;
  do {
    request.set_page_size(most - static_cast<std::uint32_t>(all.revisions_size()));
    const auto page = connection.read(&PolicyStub::ListRevisions, request);
    all.MergeFrom(page);
    all.set_next_page_token(page.next_page_token());
    if (page.revisions().empty()) break;
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() &&
           static_cast<std::uint32_t>(all.revisions_size()) < most);
  return all;
}

Table table_of(const v1::ListRevisionsResponse& response) {
  Table table({{"REVISION", Align::kRight},
               {"WHEN"},
               {"WHO"},
               {"ROLLBACK_TO", Align::kRight, 1},
               {"COMMENT"}});
  for (const v1::Revision& r : response.revisions()) {
    table.add({std::to_string(r.revision()), date_text(r.created_at()), text(r.author()),
               r.rolled_back_to() > 0 ? std::to_string(r.rolled_back_to()) : "", r.comment()});
  }
  return table;
}

void print_diffs(const v1::ListRevisionsResponse& response, const Terminal& terminal) {
  for (const v1::Revision& r : response.revisions()) {
    std::cout << inked(terminal, Ink::kBold, revision_line(r)) << '\n'
              << in_colour(r.diff(), terminal) << '\n';
  }
}

void add_history(CLI::App& policy, Program& program) {
  CLI::App* command =
      policy.add_subcommand("history", "the revisions that are kept, the newest first");
  auto most = std::make_shared<std::uint32_t>(20);
  auto diffs = std::make_shared<bool>(false);
  command->add_option("--limit", *most, "at most so many (default: 20)")
      ->type_name("N")
      ->check(whole_number(1, 100));
  command->add_flag("--diff", *diffs, "what each changed")->disable_flag_override();
  on_command(*command, program, [&program, most, diffs] {
    const auto response = list_revisions(program.connection(), *most);
    if (program.format() != Format::kTable) {
      std::cout << message_text(response, program.format(), Unset::kLeftOut);
    } else if (*diffs) {
      print_diffs(response, program.terminal());
    } else {
      std::cout << table_of(response).text(program.terminal());
    }
    return kExitOk;
  });
}

class PolicyWatch {
 public:
  explicit PolicyWatch(Program& program) : program_(program), connection_(program.connection()) {}

  int run() {
    Following following(connection_);
    for (;;) {
      const auto next = following.run([&](grpc::ClientContext& context) {
        const auto reader = connection_.stub<PolicyStub>(Right::kRead).Watch(&context, {});
        v1::PolicyState state;
        while (reader->Read(&state)) {
          following.stands();
          print(state);
        }
        return reader->Finish();
      });
      if (next == Following::Next::kEnd) return kExitInterrupted;
    }
  }

 private:
  // A watch that began anew says what we know already.
  void print(const v1::PolicyState& state) {
    if (last_ && last_->etag() == state.etag()) return;
    switch (program_.format()) {
      case Format::kTable:
        std::cout << inked(program_.terminal(), Ink::kBold, revision_line(state.revision()))
                  << '\n';
        if (last_)
          std::cout << in_colour(diff_of(named(*last_), named(state)), program_.terminal());
        break;
      case Format::kJson:
        std::cout << json_line(state, Unset::kLeftOut) << '\n';
        break;
      case Format::kYaml:
        std::cout << "---\n" << message_text(state, Format::kYaml, Unset::kLeftOut);
        break;
    }
    check_written();
    last_ = state;
  }

  Program& program_;
  Connection& connection_;
  std::optional<v1::PolicyState> last_;
};

void add_watch(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand(
      "watch", "the revision in force, then each new one and what it changed");
  command->footer("\nGoes on until SIGINT, over restarts of pulsed. -o json: one object a line.\n");
  on_command(*command, program, [&program] { return PolicyWatch(program).run(); });
}

}  // namespace

void add_policy_history(CLI::App& policy, Program& program) {
  add_history(policy, program);
  add_watch(policy, program);
}

}  // namespace pulsed::ctl
