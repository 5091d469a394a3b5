// `pulsectl policy set` and `rollback`, and what they share with `edit`.
#include "daemon/ctl/policy_change.h"

#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <iostream>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output/message_text.h"
#include "daemon/rpc/policy_message.h"

namespace pulsed::ctl {
namespace {

// Whose change came in between, as far as it can be told. `from`: the revision the change was made from; 0: not known.
Failed conflict(Connection& connection, std::uint64_t from, const std::string& refusal) {
  try {
    const v1::Revision now = get_policy(connection).revision();
    const std::string to = std::to_string(now.revision());
    const std::string see = from > 0 ? "diff " + std::to_string(from) + " " + to : "history --diff";
    return {kExitConflict,
            revision_line(now) +
                ", came into force meanwhile. Nothing was changed; see `pulsectl policy " + see +
                "`, and try again"};
  } catch (const Failed&) {
    return {kExitConflict, refusal};
  }
}

template <typename Change>
v1::PolicyState changed(Connection& connection, const v1::PolicyState& before, Change change) {
  try {
    return change();
  } catch (const Failed& refusal) {
    if (refusal.exit_code() != kExitConflict) throw;
    throw conflict(connection, before.revision().revision(), refusal.what());
  }
}

struct SetOptions {
  std::string file;
  std::string etag;
  ChangeOptions change;
};

int set_policy(Program& program, const SetOptions& options) {
  const NamedPolicy next{options.file == "-" ? "stdin" : options.file,
                         read_policy_file(options.file)};
  Connection& connection = program.connection();
  const v1::PolicyState before = get_policy(connection);
  if (!options.etag.empty() && options.etag != before.etag()) {
    throw conflict(connection, 0, "the etag is stale");
  }
  const std::string diff = diff_of(named(before), next);
  if (diff.empty()) {
    if (program.format() == Format::kTable) {
      std::cout << "nothing to change: that policy is in force, with "
                << revision_line(before.revision()) << '\n';
    } else {
      std::cout << message_text(before, program.format(), Unset::kLeftOut);
    }
    return kExitOk;
  }
  show_change(program, diff, options.change);
  print_changed(program, update_policy(connection, next.policy, before, options.change),
                options.change);
  return kExitOk;
}

int rollback(Program& program, std::uint64_t revision, const ChangeOptions& options) {
  Connection& connection = program.connection();
  const v1::PolicyState before = get_policy(connection);
  const v1::PolicyState target = get_policy(connection, revision);
  const std::string diff = diff_of(named(before), named(target));
  show_change(program, diff, options);
  print_changed(program, rollback_policy(connection, revision, before, options), options);
  return kExitOk;
}

void add_set(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand("set", "put a policy in force");
  command->footer(
      "\nReads FILE (- is stdin) strictly, shows how it differs from the policy in force, asks on "
      "a terminal, and\n"
      "puts it in force unless another change came in between (exit code 4).\n");
  auto options = std::make_shared<SetOptions>();
  command->add_option("file", options->file, "policy.yaml")->type_name("FILE")->required();
  command
      ->add_option("--etag", options->etag,
                   "only if the policy with that etag is in force still (see `policy get -o json`)")
      ->type_name("ETAG");
  add_change_options(*command, options->change);
  on_command(*command, program, [&program, options] { return set_policy(program, *options); });
}

void add_rollback(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand(
      "rollback", "put the policy of an earlier revision in force, as a new revision");
  auto revision = std::make_shared<std::uint64_t>(0);
  auto options = std::make_shared<ChangeOptions>();
  command->add_option("revision", *revision, "see `pulsectl policy history`")
      ->type_name("N")
      ->required()
      ->check(whole_number(1));
  add_change_options(*command, *options);
  on_command(*command, program,
             [&program, revision, options] { return rollback(program, *revision, *options); });
}

}  // namespace

void add_comment(CLI::App& command, std::string& comment) {
  command.add_option("--comment", comment, "why, for the history and the audit line")
      ->type_name("TEXT");
}

void add_change_options(CLI::App& command, ChangeOptions& options) {
  command.add_flag("-y,--yes", options.yes, "do not ask")->disable_flag_override();
  command.add_flag("--dry-run", options.dry_run, "let pulsed check it, and change nothing")
      ->disable_flag_override();
  add_comment(command, options.comment);
}

bool somebody_answers() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool confirmed(const std::string& question, bool otherwise) {
  if (!somebody_answers()) return otherwise;
  std::cout.flush();
  std::cerr << question << (otherwise ? " [Y/n] " : " [y/N] ") << std::flush;
  // A policy that was typed ended with Ctrl-D; the answer comes after it.
  std::clearerr(stdin);
  std::cin.clear();
  std::string answer;
  if (!std::getline(std::cin, answer)) return false;
  if (answer.empty()) return otherwise;
  return std::tolower(static_cast<unsigned char>(answer.front())) == 'y';
}

void show_change(const Program& program, const std::string& diff, const ChangeOptions& options) {
  // With JSON or YAML stdout is for a program to read.
  std::ostream& out = program.format() == Format::kTable ? std::cout : std::cerr;
  out << in_colour(diff, program.format() == Format::kTable ? program.terminal() : Terminal{})
      << std::flush;
  if (options.yes || options.dry_run || !somebody_answers()) return;
  if (!confirmed("Put this in force?", false)) {
    throw Failed(kExitFailed, "nothing was changed");
  }
}

v1::PolicyState update_policy(Connection& connection, const policy::Policy& next,
                              const v1::PolicyState& before, const ChangeOptions& options) {
  v1::UpdatePolicyRequest request;
  *request.mutable_policy() = rpc::to_message(next);
  request.set_etag(before.etag());
  request.set_validate_only(options.dry_run);
  request.set_comment(options.comment);
  return changed(connection, before,
                 [&] { return connection.change(&PolicyStub::Update, request); });
}

v1::PolicyState rollback_policy(Connection& connection, std::uint64_t revision,
                                const v1::PolicyState& before, const ChangeOptions& options) {
  v1::RollbackPolicyRequest request;
  request.set_revision(revision);
  request.set_etag(before.etag());
  request.set_validate_only(options.dry_run);
  request.set_comment(options.comment);
  return changed(connection, before,
                 [&] { return connection.change(&PolicyStub::Rollback, request); });
}

void print_changed(const Program& program, const v1::PolicyState& after,
                   const ChangeOptions& options) {
  if (program.format() != Format::kTable) {
    std::cout << message_text(after, program.format(), Unset::kLeftOut);
  } else if (options.dry_run) {
    std::cout << "pulsed would take it; nothing was changed\n";
  } else {
    std::cout << "revision " << after.revision().revision() << " is in force\n";
  }
}

void add_policy_change(CLI::App& policy, Program& program) {
  add_set(policy, program);
  add_rollback(policy, program);
}

}  // namespace pulsed::ctl
