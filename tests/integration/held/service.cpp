// A service whose polls hold their workers, for the integration tests: one command a line on stdin, one line of JSON on stdout
// for each.
//
//   integration_held_service RUN_DIR NAME WORKERS ISOLATION_WORKERS ordinary|nice15|fifo
//
//   light RATE [lock]                    so many light polls a second, which take the lock if asked to; 0: none
//   endless CLASS N [anywhere]           N polls that burn until `end`, on the loop's own workers unless anywhere
//   isolated CLASS N                     the same, on the isolation pool
//   chain CLASS burn|io N LEAST MOST     N chains of polls of so many microseconds, until `end`
//   end                                  returns when none of these three is left
//   hold CLASS ROUNDS US                 polls one after another that take the lock and burn so long with it; says how long it
//                                        was held at most
//   scripted CLASS SCRIPT                one poll of scripted_poll.h; says what it found out about itself
//   busy N                               N threads beside the workers that only burn; 0: none
//   nonsense                             fills a worker's ring with records that mean nothing
//   close                                ends the session while polls are in flight
//   counters                             what was done and seen so far
//   late                                 how late each light poll ended since the last `light`
#include <pulsed/shim.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/integration/held/hogs.h"
#include "tests/integration/held/light_load.h"
#include "tests/integration/held/scripted_poll.h"

namespace pulsed::test {
namespace {

using nlohmann::json;

const json kDone = json::object();

pulsed_session* open_session(const std::string& run_dir, const std::string& name) {
  pulsed_session_options options{};
  options.size = sizeof(options);
  options.run_dir = run_dir.c_str();
  options.service = name.c_str();
  return pulsed_session_open(&options);
}

void take_priority(const std::string& priority) {
  if (priority == "nice15") ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 15);
  const sched_param least{1};
  if (priority == "fifo") ::sched_setscheduler(0, SCHED_FIFO, &least);
}

// On a worker: more records of tasks that cannot be than a service may write.
void write_nonsense() {
  constexpr int kRecords = 10'000;
  pulsed_hot* hot = pulsed_this_hot();
  for (int i = 0; hot != nullptr && i < kRecords; ++i) {
    pulsed_push(hot,
                PULSED_REF_SLOT_MASK | std::uint64_t{PULSED_KIND_POLL} << PULSED_REF_KIND_SHIFT, 1);
  }
}

class Service {
 public:
  Service(const std::string& run_dir, const std::string& name, unsigned workers,
          unsigned isolation_workers, const std::string& priority)
      : session_(open_session(run_dir, name)),
        loop_(session_, {.name = "worker",
                         .workers = workers,
                         .prepare = [priority] { take_priority(priority); }}),
        pool_(session_, {.name = "isolation", .workers = isolation_workers, .isolation = true}),
        light_(loop_, class_named("light"), lock_) {}
  ~Service() {
    light_.stop();
    hogs_.end();
    isolated_.end();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  json obey(const std::string& line) {
    std::istringstream in(line);
    std::string what;
    in >> what;
    if (what == "light") return light(in);
    if (what == "endless") return endless(in, hogs_);
    if (what == "isolated") return endless(in, isolated_);
    if (what == "chain") return chain(in);
    if (what == "end") return end();
    if (what == "hold") return hold(in);
    if (what == "scripted") return scripted(in);
    if (what == "busy") return busy(in);
    if (what == "nonsense") return nonsense();
    if (what == "close") return close();
    if (what == "counters") return counters();
    if (what == "late") return {{"us", light_.seen().late_us}};
    return {{"error", "no such command: " + line}};
  }

 private:
  [[nodiscard]] std::uint16_t class_named(const std::string& name) {
    return pulsed_class(session_, name.c_str(), PULSED_PRIORITY_NORMAL);
  }

  json light(std::istringstream& in) {
    unsigned rate = 0;
    std::string lock;
    in >> rate >> lock;
    light_.stop();
    if (rate != 0) light_.start(rate, lock == "lock");
    return kDone;
  }

  json endless(std::istringstream& in, Hogs& hogs) {
    std::string cls;
    unsigned count = 0;
    std::string where;
    in >> cls >> count >> where;
    for (unsigned i = 0; i < count; ++i) hogs.endless(class_named(cls), where == "anywhere");
    return kDone;
  }

  json chain(std::istringstream& in) {
    std::string cls;
    std::string work;
    unsigned count = 0;
    long least = 0;
    long most = 0;
    if (!(in >> cls >> work >> count >> least >> most)) return {{"error", "chain: see above"}};
    const Chain chain{class_named(cls), work == "io" ? ChainWork::kIo : ChainWork::kBurn,
                      microseconds{least}, microseconds{most}};
    for (unsigned i = 0; i < count; ++i) hogs_.chain(chain, i + 1);
    return kDone;
  }

  json end() {
    hogs_.end();
    isolated_.end();
    return kDone;
  }

  json hold(std::istringstream& in) {
    std::string cls;
    int rounds = 0;
    long cpu = 0;
    in >> cls >> rounds >> cpu;
    microseconds longest{};
    for (int round = 0; round < rounds; ++round) {
      longest = std::max(longest, hogs_.hold(lock_, class_named(cls), microseconds{cpu}));
    }
    return {{"longest_us", longest.count()}};
  }

  json scripted(std::istringstream& in) {
    std::string cls;
    std::string name;
    in >> cls >> name;
    const std::optional<Script> script = script_named(name);
    if (!script) return {{"error", "no such script: " + name}};
    ScriptedPoll poll(*script);
    std::promise<void> done;
    loop_.post({class_named(cls), [&] {
                  poll.run();
                  done.set_value();
                }});
    done.get_future().wait();
    const OwnAccount& account = poll.account();
    json burned = json::array();
    for (const Burned& at : account.burned) burned.push_back({at.wall.count(), at.cpu.count()});
    return {{"before_wait_us", account.before_wait.count()}, {"burned_us", burned}};
  }

  json busy(std::istringstream& in) {
    unsigned count = 0;
    in >> count;
    rivals_.reset();
    rivals_.emplace(count);
    return kDone;
  }

  json nonsense() {
    std::promise<void> done;
    loop_.post({0, [&] {
                  write_nonsense();
                  done.set_value();
                }});
    done.get_future().wait();
    return kDone;
  }

  json close() {
    light_.stop();
    loop_.leave_session();
    pool_.leave_session();
    pulsed_session_close(session_);
    closed_ = true;
    return kDone;
  }

  json counters() const {
    const LightLoad::Seen seen = light_.seen();
    return {{"attached", !closed_ && pulsed_session_attached(session_) != 0},
            {"daemon_demotes", !closed_ && pulsed_daemon_demotes(session_) != 0},
            {"light_posted", seen.posted},
            {"light_served", seen.served},
            {"light_lowered", seen.lowered},
            {"spare_polls", loop_.spare_polls()},
            {"hog_polls", hogs_.polls()},
            {"longest_run_us", loop_.longest_run_us()},
            {"near_budget", loop_.near_budget()},
            {"held_lowered", hogs_.held_lowered()},
            {"last_seen_nice", hogs_.last_seen().nice},
            {"last_seen_policy", hogs_.last_seen().policy}};
  }

  pulsed_session* session_;  // closed by close(); at the end of the process by nobody
  std::mutex lock_;
  RunLoop loop_;
  RunLoop pool_;
  LightLoad light_;
  Hogs hogs_{loop_};
  Hogs isolated_{pool_};
  std::optional<Rivals> rivals_;
  bool closed_ = false;
};

}  // namespace
}  // namespace pulsed::test

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s RUN_DIR NAME WORKERS ISOLATION_WORKERS PRIORITY\n", argv[0]);
    return 2;
  }
  const auto number = [](const char* text) { return static_cast<unsigned>(std::atoi(text)); };
  pulsed::test::Service service(argv[1], argv[2], number(argv[3]), number(argv[4]), argv[5]);
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << service.obey(line).dump() << std::endl;
  }
  return 0;
}
