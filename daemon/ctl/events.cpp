// `pulsectl events`: what happened, from what the daemon keeps, and what happens from now on.
#include <deque>
#include <iostream>
#include <limits>
#include <optional>
#include <vector>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/event_text.h"
#include "daemon/ctl/following.h"
#include "daemon/ctl/list.h"
#include "daemon/policy/glob.h"

namespace pulsed::ctl {
namespace {

using Monitor = v1::MonitorService::StubInterface;

constexpr std::uint64_t kKept = 8192;  // at most, by the daemon
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

struct Wanted {
  bool follow = false;
  std::optional<std::uint64_t> resume_after;
  std::uint64_t epoch = 0;
  std::size_t last = kAll;
  v1::Filter filter;
};

bool fits(const std::string& glob, const std::string& name) {
  return glob.empty() || policy::glob_match(glob, name);
}

bool fits(const v1::Filter& filter, const v1::Event& event) {
  if (!filter.class_().empty() && !(has_class(event) && fits(filter.class_(), class_of(event)))) {
    return false;
  }
  return fits(filter.service(), event.service());
}

class EventPrinter {
 public:
  EventPrinter(Program& program, const Wanted& wanted)
      : program_(program), connection_(program.connection()), wanted_(wanted) {}

  int run() {
    if (wanted_.resume_after) {
      resume();
    } else {
      begin(wanted_.last);
    }
    return wanted_.follow ? follow() : kExitOk;
  }

 private:
  // The world as it is, which says where its events stand.
  v1::EventsSnapshot snapshot() {
    grpc::ClientContext context;
    connection_.set_deadline(context);
    const auto reader = connection_.stub<Monitor>(Right::kRead).WatchEvents(&context, {});
    v1::WatchEventsResponse first;
    if (!reader->Read(&first)) throw connection_.failure(reader->Finish(), Right::kRead);
    context.TryCancel();
    return first.snapshot();
  }

  // Every event after `after`, up to and with `to`; false: not all of them are kept. Unfiltered, as only so the last one shows
  // that it is.
  bool read_kept(std::uint64_t after, const v1::EventsSnapshot& to,
                 const std::function<void(const v1::Event&)>& take) {
    if (after >= to.sequence()) return true;
    grpc::ClientContext context;
    connection_.set_deadline(context);
    v1::WatchEventsRequest request;
    request.set_resume_after(after);
    request.set_epoch(to.epoch());
    const auto reader = connection_.stub<Monitor>(Right::kRead).WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    while (reader->Read(&response)) {
      if (response.has_event() && response.event().sequence() <= to.sequence()) {
        take(response.event());
      }
      if (response.has_event() && response.event().sequence() >= to.sequence()) {
        context.TryCancel();
        return true;
      }
    }
    const grpc::Status status = reader->Finish();
    if (status.error_code() == grpc::StatusCode::OUT_OF_RANGE) return false;
    throw connection_.failure(status, Right::kRead);
  }

  // The last so many events that are kept; the daemon may let go of the oldest while we ask.
  void begin(std::size_t last) {
    const v1::EventsSnapshot now = snapshot();
    for (const std::uint64_t margin : {kKept, kKept - 256, kKept / 2, std::uint64_t{0}}) {
      if (last == 0) break;
      std::deque<v1::Event> kept;
      const std::uint64_t after = now.sequence() > margin ? now.sequence() - margin : 0;
      const bool all = read_kept(after, now, [&](const v1::Event& event) {
        if (!fits(wanted_.filter, event)) return;
        kept.push_back(event);
        if (kept.size() > last) kept.pop_front();
      });
      if (!all) continue;
      for (const v1::Event& event : kept) print(event);
      break;
    }
    at_ = now.sequence();
    epoch_ = now.epoch();
  }

  void resume() {
    const v1::EventsSnapshot now = snapshot();
    at_ = *wanted_.resume_after;
    epoch_ = wanted_.epoch == 0 ? now.epoch() : wanted_.epoch;
    if (epoch_ != now.epoch()) {
      throw Failed(kExitFailed, "--epoch: that was a daemon before this one, whose epoch is " +
                                    std::to_string(now.epoch()));
    }
    // Printed once all is read: whoever reads what we print may take long, and the daemon does not wait.
    std::vector<v1::Event> kept;
    const bool all = at_ <= now.sequence() && read_kept(at_, now, [&](const v1::Event& event) {
                       if (fits(wanted_.filter, event)) kept.push_back(event);
                     });
    if (!all) {
      throw Failed(kExitFailed,
                   "--resume-after " + std::to_string(at_) +
                       ": some of what came after it is no longer kept, or there is no such event");
    }
    for (const v1::Event& event : kept) print(event);
    at_ = now.sequence();
  }

  int follow() {
    Following following(connection_);
    following.stands();  // it has answered before
    for (;;) {
      const auto next = following.run(
          [&](grpc::ClientContext& context) { return follow_once(following, context); });
      if (next == Following::Next::kEnd) return kExitInterrupted;
      if (next == Following::Next::kStartOver) start_over();
    }
  }

  grpc::Status follow_once(Following& following, grpc::ClientContext& context) {
    v1::WatchEventsRequest request;
    *request.mutable_filter() = wanted_.filter;
    request.set_resume_after(at_);
    request.set_epoch(epoch_);
    const auto reader = connection_.stub<Monitor>(Right::kRead).WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    while (reader->Read(&response)) {
      following.stands();
      if (response.has_snapshot()) {
        at_ = response.snapshot().sequence();
        epoch_ = response.snapshot().epoch();
        continue;
      }
      at_ = response.event().sequence();
      epoch_ = response.event().epoch();
      if (fits(wanted_.filter, response.event())) print(response.event());
    }
    return reader->Finish();
  }

  // A daemon after a restart tells what happened since it started.
  void start_over() {
    const std::uint64_t epoch = epoch_;
    try {
      const v1::EventsSnapshot now = snapshot();
      if (now.epoch() == epoch) {
        std::cerr << "pulsectl: events were missed: up to " << now.sequence() - at_
                  << " that are no longer kept\n";
        at_ = now.sequence();
        return;
      }
      std::cerr << "pulsectl: pulsed was started anew; its events count from 1 again\n";
      begin(kAll);
    } catch (const Failed& e) {
      // Gone again: the next round of follow() waits for it.
      if (e.exit_code() != kExitUnreachable) throw;
    }
  }

  void print(const v1::Event& event) {
    switch (program_.format()) {
      case Format::kTable:
        std::cout << event_line(event, program_.terminal()) << '\n';
        break;
      case Format::kJson:
        std::cout << json_line(event, Unset::kShown) << '\n';
        break;
      case Format::kYaml:
        std::cout << "---\n" << message_text(event, Format::kYaml);
        break;
    }
    check_written();
  }

  Program& program_;
  Connection& connection_;
  Wanted wanted_;
  std::uint64_t at_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace

void add_events(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand(
      "events", "what happened: changes of tier, long polls, services, policies");
  command->footer(
      "\nPrints the events that pulsed keeps (8192), oldest first, one a line; -o json: one object "
      "a line. With\n"
      "--follow it goes on until SIGINT, over restarts of pulsed, of which it tells on stderr.\n");
  auto wanted = std::make_shared<Wanted>();
  command->add_flag("-f,--follow", wanted->follow, "go on with what happens from now on")
      ->disable_flag_override();
  command->add_option("--last", wanted->last, "of the kept ones only the last N")
      ->type_name("N")
      ->check(whole_number(0));
  command
      ->add_option("--resume-after", wanted->resume_after,
                   "only what came after the event of that sequence number")
      ->type_name("N")
      ->check(whole_number(0));
  command
      ->add_option(
          "--epoch", wanted->epoch,
          "with --resume-after: the epoch of that event (default: of the daemon that runs)")
      ->type_name("N")
      ->check(whole_number(0));
  add_filter(*command, wanted->filter, FilterBy::kServiceAndClass);
  on_command(*command, program,
             [&program, wanted] { return EventPrinter(program, *wanted).run(); });
}

}  // namespace pulsed::ctl
