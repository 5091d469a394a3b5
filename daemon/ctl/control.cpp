// `pulsectl pin`, `unpin` and `enforcement`: what is done at once.
#include <array>
#include <iostream>

#include "daemon/config/units.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/output/message_text.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/ctl/output/quantity.h"
#include "daemon/ctl/policy_change.h"
#include "daemon/policy/types.h"

namespace pulsed::ctl {
namespace {

using Control = v1::ControlService::StubInterface;

template <typename Value, std::size_t N>
Value value_of(const std::array<std::string_view, N>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  return static_cast<Value>(at - names.begin() + 1);  // 0 is unspecified
}

// "shop, checkout/pay", "shop, tasks without a class"
std::string subject(const std::string& service, const std::string& task_class) {
  return printable(service) + ", " +
         (task_class.empty() ? "tasks without a class" : printable(task_class));
}

template <typename Message>
void print(const Program& program, const std::string& line, const Message& message) {
  if (program.format() == Format::kTable) {
    std::cout << line << '\n';
  } else {
    std::cout << message_text(message, program.format(), Unset::kLeftOut);
  }
}

struct PinOptions {
  std::string service;
  std::string task_class;
  std::string tier;
  std::string ttl;
  std::string comment;
};

void add_subject(CLI::App& command, PinOptions& options) {
  command.add_option("--service", options.service, "its exact name; every process of it")
      ->type_name("NAME")
      ->required();
  command
      .add_option("--class", options.task_class, "the exact name; without: tasks without a class")
      ->type_name("NAME");
}

// Pins have no history.
void add_audit_comment(CLI::App& command, std::string& comment) {
  command.add_option("--comment", comment, "why, for the audit line")->type_name("TEXT");
}

google::protobuf::Duration read_ttl(const std::string& text) {
  const auto ttl = config::read_duration(text);
  if (!ttl) throw Failed(kExitUsage, "--ttl: " + ttl.fault);
  if (*ttl.value < std::chrono::seconds{1} || *ttl.value > std::chrono::hours{24}) {
    throw Failed(kExitUsage, "--ttl: " + text + " is not between 1s and 24h");
  }
  google::protobuf::Duration message;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*ttl.value);
  message.set_seconds(seconds.count());
  message.set_nanos(static_cast<std::int32_t>((*ttl.value - seconds).count()));
  return message;
}

int pin(Program& program, const PinOptions& options) {
  v1::PinTierRequest request;
  request.set_service(options.service);
  request.set_class_(options.task_class);
  request.set_tier(value_of<v1::Tier>(policy::kTierNames, options.tier));
  request.set_comment(options.comment);
  if (!options.ttl.empty()) *request.mutable_ttl() = read_ttl(options.ttl);
  const auto response = program.connection().change(&Control::PinTier, request);
  print(program,
        subject(options.service, options.task_class) + ": pinned to " + options.tier +
            (options.ttl.empty() ? "; pulsectl unpin ends it" : ", for " + options.ttl),
        response);
  return kExitOk;
}

int unpin(Program& program, const PinOptions& options) {
  v1::UnpinRequest request;
  request.set_service(options.service);
  request.set_class_(options.task_class);
  request.set_comment(options.comment);
  const auto response = program.connection().change(&Control::Unpin, request);
  print(program, subject(options.service, options.task_class) + ": unpinned", response);
  return kExitOk;
}

int set_enforcement(Program& program, const std::string& level, const std::string& comment) {
  v1::SetEnforcementRequest request;
  request.set_enforcement(value_of<v1::Enforcement>(policy::kEnforcementNames, level));
  request.set_comment(comment);
  const auto response = program.connection().change(&Control::SetEnforcement, request);
  const std::string bound = level == "enforce" ? "" : ", and no rule goes beyond it";
  print(program,
        level + bound + ": revision " + std::to_string(response.policy().revision().revision()) +
            " is in force",
        response);
  return kExitOk;
}

void add_pin(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("pin", "hold all tasks of a class at a tier");
  command->footer("\nA pin is not kept over a restart of pulsed.\n");
  auto options = std::make_shared<PinOptions>();
  add_subject(*command, *options);
  add_choice(*command, "tier", options->tier, policy::kTierNames, "where to hold them")->required();
  command->add_option("--ttl", options->ttl, "end it by itself after that; 1s to 24h")
      ->type_name("TIME");
  add_audit_comment(*command, options->comment);
  on_command(*command, program, [&program, options] { return pin(program, *options); });
}

void add_unpin(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("unpin", "let go of a class that is pinned");
  auto options = std::make_shared<PinOptions>();
  add_subject(*command, *options);
  add_audit_comment(*command, options->comment);
  on_command(*command, program, [&program, options] { return unpin(program, *options); });
}

void add_enforcement(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand(
      "enforcement", "how far pulsed goes at all: the emergency stop, and its end");
  command->footer(
      "\nobserve and shadow hold whatever rules say, also over a restart of pulsed; enforce ends "
      "that.\n");
  auto level = std::make_shared<std::string>();
  auto comment = std::make_shared<std::string>();
  add_choice(*command, "level", *level, policy::kEnforcementNames,
             "observe: count only; shadow: decide and count; enforce: do it")
      ->required();
  add_comment(*command, *comment);
  on_command(*command, program,
             [&program, level, comment] { return set_enforcement(program, *level, *comment); });
}

}  // namespace

void add_control(CLI::App& app, Program& program) {
  add_pin(app, program);
  add_unpin(app, program);
  add_enforcement(app, program);
}

}  // namespace pulsed::ctl
