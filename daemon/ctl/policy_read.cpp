// `pulsectl policy get`, `validate`, `diff` and `explain`: nothing is changed.
#include <iostream>
#include <limits>
#include <optional>

#include "daemon/config/explanation.h"
#include "daemon/config/policy_yaml.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/output/document.h"
#include "daemon/ctl/output/message_text.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/ctl/output/table.h"
#include "daemon/ctl/policy_text.h"

namespace pulsed::ctl {
namespace {

void add_get(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand("get", "print the policy in force, as policy.yaml");
  command->footer(
      "\nWhat is printed can be put in force again with `pulsectl policy set`. -o json has the "
      "etag, too.\n");
  auto revision = std::make_shared<std::uint64_t>(0);
  command->add_option("--revision", *revision, "that revision instead")
      ->type_name("N")
      ->check(whole_number(1));
  on_command(*command, program, [&program, revision] {
    const v1::PolicyState state = get_policy(program.connection(), *revision);
    if (program.format() == Format::kJson) {
      std::cout << message_text(state, Format::kJson, Unset::kLeftOut);
    } else {
      std::cout << "# " << revision_line(state.revision()) << '\n'
                << config::to_yaml(policy_of(state));
    }
    return kExitOk;
  });
}

void add_validate(CLI::App& policy, Program& program) {
  CLI::App* command =
      policy.add_subcommand("validate", "read a policy strictly, without asking pulsed");
  command->footer("\n`pulsectl policy set --dry-run FILE` lets pulsed check it.\n");
  auto file = std::make_shared<std::string>();
  command->add_option("file", *file, "policy.yaml; - is stdin")->type_name("FILE")->required();
  on_command(*command, program, [&program, file] {
    const policy::Policy read = read_policy_file(*file);
    if (program.format() == Format::kTable) {
      std::cout << printable(*file) << " holds: " << policy::name(read.enforcement) << ", "
                << policy::name(read.profile) << ", " << read.rules.size() << " rules\n";
    } else {
      const Document document{{"file", *file}, {"valid", true}, {"rules", read.rules.size()}};
      std::cout << document_text(document, program.format());
    }
    return kExitOk;
  });
}

struct Sides {
  std::string a;
  std::string b;
};

// None: what the newest revision changed. One: how it differs from the policy in force. Two: from a to b.
int print_diff(Program& program, const Sides& sides) {
  Connection& connection = program.connection();
  NamedPolicy from;
  NamedPolicy to;
  if (!sides.b.empty()) {
    from = revision_or_file(connection, sides.a);
    to = revision_or_file(connection, sides.b);
  } else {
    const v1::PolicyState now = get_policy(connection);
    const std::uint64_t revision = now.revision().revision();
    const bool is_last_change = sides.a.empty();
    to = is_last_change ? named(now) : revision_or_file(connection, sides.a);
    if (is_last_change && revision <= 1) {
      from = {"built in", {}};
    } else {
      from = is_last_change ? named(get_policy(connection, revision - 1)) : named(now);
    }
  }
  const std::string diff = diff_of(from, to);
  if (program.format() == Format::kTable) {
    std::cout << in_colour(diff, program.terminal());
  } else {
    const Document document{{"from", from.name}, {"to", to.name}, {"diff", diff}};
    std::cout << document_text(document, program.format());
  }
  return kExitOk;
}

void add_diff(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand("diff", "how two policies differ");
  command->footer(
      "\nEach is a revision's number or a file (- is stdin). Without any: what the revision in "
      "force changed. With one:\n"
      "what putting it in force would change. Nothing is printed where there is no difference.\n");
  auto sides = std::make_shared<Sides>();
  command->add_option("a", sides->a, "revision or file")->type_name("N/FILE");
  command->add_option("b", sides->b, "revision or file")->type_name("N/FILE");
  on_command(*command, program, [&program, sides] { return print_diff(program, *sides); });
}

struct ExplainOptions {
  std::string service;
  std::string task_class;
  std::optional<std::uint32_t> uid;
  std::string priority = "normal";
  std::string file;
};

int explain(Program& program, const ExplainOptions& options) {
  const policy::Policy policy = options.file.empty() ? policy_of(get_policy(program.connection()))
                                                     : read_policy_file(options.file);
  const auto at =
      std::find(policy::kPriorityNames.begin(), policy::kPriorityNames.end(), options.priority);
  const auto fields =
      config::explained(policy, {options.service, options.task_class, options.uid},
                        static_cast<policy::Priority>(at - policy::kPriorityNames.begin()));
  if (program.format() == Format::kTable) {
    Table table({{"FIELD"}, {"VALUE"}, {"SET_BY"}, {"NOTE"}});
    for (const auto& f : fields) table.add({std::string(f.name), f.value, f.origin, f.note});
    std::cout << table.text(program.terminal());
    return kExitOk;
  }
  Document document = Document::array();
  for (const auto& f : fields) {
    document.push_back(
        {{"field", f.name}, {"value", f.value}, {"set_by", f.origin}, {"note", f.note}});
  }
  std::cout << document_text(document, program.format());
  return kExitOk;
}

void add_explain(CLI::App& policy, Program& program) {
  CLI::App* command =
      policy.add_subcommand("explain", "what holds for one task class, and which rule set it");
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("--service", options->service, "its service's name")
      ->type_name("NAME")
      ->required();
  command->add_option("--class", options->task_class, "its name; without: tasks without a class")
      ->type_name("NAME");
  command
      ->add_option("--uid", options->uid,
                   "the user the service runs as; without: rules that name one do not match")
      ->type_name("UID")
      ->check(whole_number(0, std::numeric_limits<std::uint32_t>::max()));
  add_choice(*command, "--priority", options->priority, policy::kPriorityNames,
             "what the class registered with (default: normal)");
  command
      ->add_option("--file", options->file,
                   "explain that policy.yaml instead of the policy in force")
      ->type_name("FILE");
  on_command(*command, program, [&program, options] { return explain(program, *options); });
}

}  // namespace

void add_policy_read(CLI::App& policy, Program& program) {
  add_get(policy, program);
  add_validate(policy, program);
  add_diff(policy, program);
  add_explain(policy, program);
}

void add_policy(CLI::App& app, Program& program) {
  CLI::App* policy = app.add_subcommand("policy", "see, change and take back the policy");
  policy->require_subcommand(1);
  add_policy_read(*policy, program);
  add_policy_change(*policy, program);
  add_policy_edit(*policy, program);
  add_policy_history(*policy, program);
}

}  // namespace pulsed::ctl
