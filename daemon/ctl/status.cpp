// `pulsectl status`: the daemon itself.
#include <iostream>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output/message_text.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/ctl/output/quantity.h"
#include "daemon/version.h"

namespace pulsed::ctl {
namespace {

class Lines {
 public:
  explicit Lines(const Terminal& terminal) : terminal_(terminal) {}
  void add(const std::string& name, const std::string& value, Ink ink = Ink::kPlain) {
    constexpr std::size_t kNameWidth = 14;
    std::string padded = name + ":";
    padded.resize(std::max(padded.size() + 1, kNameWidth), ' ');
    text_ += inked(terminal_, Ink::kBold, padded) + inked(terminal_, ink, printable(value)) + "\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Terminal terminal_;
  std::string text_;
};

std::string enforcement_text(const v1::Status& s) {
  std::string text = word(s.enforcement());
  if (s.enforcement_limit() == v1::ENFORCEMENT_OBSERVE ||
      s.enforcement_limit() == v1::ENFORCEMENT_SHADOW) {
    text += ", limited to " + word(s.enforcement_limit());
  }
  return text;
}

std::string yes(bool value, const std::string& without) { return value ? "yes" : "no: " + without; }

std::string table(const v1::Status& s, const Terminal& terminal) {
  Lines lines(terminal);
  const auto flag = [&](const std::string& name, bool value, const std::string& without) {
    lines.add(name, yes(value, without), value ? Ink::kGreen : Ink::kYellow);
  };
  lines.add("pulsed",
            s.version() +
                (s.version() == version() ? "" : " (pulsectl is " + std::string(version()) + ")"));
  lines.add("up", human(age(s.started_at(), std::chrono::system_clock::now())) + ", since " +
                      date_text(s.started_at()));
  flag("ready", s.ready(), "services cannot attach");
  lines.add("last tick", human(s.since_last_tick()) + " ago");
  lines.add("policy", "revision " + std::to_string(s.policy_revision()) + ", " +
                          enforcement_text(s) + ", " + word(s.profile()));
  lines.add("services", human(s.services()) + ", " + human(s.workers()) + " workers, " +
                            human(s.tasks()) + " tasks");
  lines.add("tasks", human(s.tasks_above_monitor()) + " above monitor");
  lines.add("polls", human(s.in_flight_over_budget()) + " in flight over their budget",
            s.in_flight_over_budget() > 0 ? Ink::kYellow : Ink::kPlain);
  lines.add("threads", human(s.demoted_threads()) + " demoted, " + human(s.spare_workers_awake()) +
                           " spare workers awake");
  lines.add("samples", human(s.samples()) + ", " + human(s.dropped_samples()) + " dropped",
            s.dropped_samples() > 0 ? Ink::kYellow : Ink::kPlain);
  flag("demotes", s.can_demote(), "needs CAP_SYS_NICE; see `pulsectl check`");
  flag("exact times", s.exact_run_times(), "needs CAP_PERFMON; see `pulsectl check`");
  flag("priority", s.high_priority(), "its loop runs at the ordinary priority");
  flag("durable", s.durable(), "revisions are in memory only");
  lines.add("sockets", s.run_dir());
  lines.add("state", s.state_dir());
  return lines.text();
}

}  // namespace

void add_status(CLI::App& app, Program& program) {
  CLI::App* command =
      app.add_subcommand("status", "pulsed itself: what it can do, and what is going on");
  on_command(*command, program, [&program] {
    const auto status = program.connection().read(&v1::MonitorService::StubInterface::GetStatus,
                                                  v1::GetStatusRequest{});
    std::cout << (program.format() == Format::kTable ? table(status, program.terminal())
                                                     : message_text(status, program.format()));
    return kExitOk;
  });
}

}  // namespace pulsed::ctl
