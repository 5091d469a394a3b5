// A service for the integration tests: one command a line on stdin, one line of JSON on stdout for each.
//
//   integration_service RUN_DIR NAME WORKERS [ISOLATION_WORKERS]
//
//   work W CLASS BURN_US GAP_US obey|ignore|blind   worker W polls a new task of the class, over and over
//   idle                                            no worker polls, nor is in a poll
//   counters                                        what was done and seen so far
//   fork N                                          each worker that works forks N children
//   hold                                            forks a child that keeps every descriptor; says its pid
//   churn N                                         N further sessions, one after another: attach, poll, detach
#include <unistd.h>
#include <pulsed/shim.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <list>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/integration/service_workers.h"

namespace pulsed::test {
namespace {

using nlohmann::json;

class Service {
 public:
  Service(std::string run_dir, std::string name, unsigned workers, unsigned isolation)
      : run_dir_(std::move(run_dir)),
        name_(std::move(name)),
        session_(
            {.service = name_, .run_dir = run_dir_, .log = keep_message, .log_context = this}) {
    for (unsigned i = 0; i < workers + isolation; ++i)
      workers_.emplace_back(session_, i, i >= workers);
  }

  json obey(const std::string& line) {
    std::istringstream in(line);
    std::string what;
    in >> what;
    if (what == "work") return work(in);
    if (what == "idle") return idle();
    if (what == "counters") return counters();
    if (what == "fork") return fork_from_workers(in);
    if (what == "hold") return hold();
    if (what == "churn") return churn(in);
    return {{"error", "no such command: " + line}};
  }

 private:
  static void keep_message(void* self, const char* message) {
    auto* service = static_cast<Service*>(self);
    const std::lock_guard lock(service->log_mutex_);
    service->log_.emplace_back(message);
  }

  ClassCounts& class_named(const std::string& name) {
    for (ClassCounts& c : classes_) {
      if (c.name == name) return c;
    }
    ClassCounts& fresh = classes_.emplace_back();
    fresh.name = name;
    fresh.cls = session_.task_class(name);
    return fresh;
  }

  json work(std::istringstream& in) {
    std::size_t worker = 0;
    std::string cls;
    std::string manners;
    long burn = 0;
    long gap = 0;
    if (!(in >> worker >> cls >> burn >> gap >> manners) || worker >= workers_.size()) {
      return {{"error", "work W CLASS BURN_US GAP_US MANNERS"}};
    }
    Job job{&class_named(cls), std::chrono::microseconds{burn}, std::chrono::microseconds{gap},
            manners == "obey"     ? Manners::kObey
            : manners == "ignore" ? Manners::kIgnore
                                  : Manners::kBlind};
    std::next(workers_.begin(), static_cast<long>(worker))->take(job);
    return json::object();
  }

  json idle() {
    for (ServiceWorker& worker : workers_) worker.take({});
    return json::object();
  }

  json counters() {
    json all{
        {"attached", session_.attached()}, {"polls", json::object()}, {"workers", json::array()}};
    std::uint64_t yields = 0;
    std::uint64_t asked_again = 0;
    for (const ClassCounts& c : classes_) {
      all["polls"][c.name] = c.polls.load();
      yields += c.yields.load();
      asked_again += c.asked_again.load();
    }
    all["yields"] = yields;
    all["asked_again"] = asked_again;
    for (const ServiceWorker& w : workers_) {
      all["workers"].push_back({{"attached", w.attached()},
                                {"directive", w.directive(session_.c_session())},
                                {"asked_now", w.asked_now()},
                                {"children", w.children()},
                                {"children_not_inert", w.children_not_inert()},
                                {"longest_stall_us", w.longest_stall_us()}});
    }
    const std::lock_guard lock(log_mutex_);
    all["log"] = log_;
    return all;
  }

  json fork_from_workers(std::istringstream& in) {
    unsigned count = 0;
    in >> count;
    for (ServiceWorker& worker : workers_) worker.fork_children(count);
    return json::object();
  }

  static json hold() {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(120);  // whatever becomes of the test
      while (true) ::pause();
    }
    return {{"child", child}};
  }

  json churn(std::istringstream& in) {
    int times = 0;
    in >> times;
    int attached = 0;
    for (int i = 0; i < times; ++i) {
      Session session({.service = name_, .run_dir = run_dir_, .workers = 2, .tasks = 64});
      if (!session.wait_attached(std::chrono::milliseconds{20'000})) continue;
      const Worker worker(session, "churn");
      const Task task = session.open(session.task_class("churn"));
      for (int poll = 0; poll < 3; ++poll) const PollScope scope(task);
      ++attached;
    }
    return {{"attached", attached}};
  }

  const std::string run_dir_;
  const std::string name_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
  Session session_;
  std::list<ClassCounts> classes_;  // where the workers' pointers stay good
  std::list<ServiceWorker> workers_;
};

}  // namespace
}  // namespace pulsed::test

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s RUN_DIR NAME WORKERS [ISOLATION_WORKERS]\n", argv[0]);
    return 2;
  }
  const auto number = [](const char* text) { return static_cast<unsigned>(std::atoi(text)); };
  pulsed::test::Service service(argv[1], argv[2], number(argv[3]), argc > 4 ? number(argv[4]) : 0);
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << service.obey(line).dump() << std::endl;
  }
  return 0;
}
