#include "daemon/rpc/change_line.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <latch>
#include <optional>
#include <thread>
#include <utility>

#include "tests/daemon/revisions/failing_disk.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/support/temp_dir.h"

namespace pulsed::rpc {
namespace {

using namespace std::chrono_literals;
using grpc::Status;
using grpc::StatusCode;
using revisions::Revision;
using revisions::RevisionStore;
using test::number_of;
using test::numbered_policy;

// A disk whose writes wait until they may go on.
class HeldDisk final : public revisions::Disk {
 public:
  int sync(int fd) override {
    if (held_.load()) {
      reached_.store(true);
      reached_.notify_all();
      held_.wait(true);
    }
    return Disk::sync(fd);
  }
  void hold() { held_.store(true); }
  void wait_until_reached() { reached_.wait(false); }
  void let_go() {
    held_.store(false);
    held_.notify_all();
  }

 private:
  std::atomic<bool> held_{false};
  std::atomic<bool> reached_{false};
};

struct World {
  explicit World(revisions::Disk* disk = nullptr, std::chrono::milliseconds limit = 1h)
      : store(dir.path() + "/state", {}, disk) {
    (void)store.import(std::nullopt, {});
    store.start([](const revisions::RevisionPtr&) {});
    line = std::make_shared<ChangeLine>(store, limit);
  }

  // Asks for what `edit` makes of the policy in force.
  template <typename Edit>
  std::future<Stored> change(Edit edit) {
    auto answer = std::make_shared<std::promise<Stored>>();
    line->add({[edit](const Revision& in_force) -> std::variant<revisions::Change, Status> {
                 return revisions::Change{.policy = edit(in_force.policy), .author = {}};
               },
               [answer](const Stored& stored) { answer->set_value(stored); },
               [this](const revisions::RevisionPtr& stored) { late.push_back(stored->number); }});
    return answer->get_future();
  }
  std::future<Stored> change_to(std::uint64_t number) {
    return change([number](const policy::Policy&) { return numbered_policy(number); });
  }

  test::TempDir dir;
  std::vector<std::uint64_t> late;  // the store's thread's, until that is stopped
  RevisionStore store;
  std::shared_ptr<ChangeLine> line;
};

StatusCode code(const Stored& stored) {
  const auto* status = std::get_if<Status>(&stored);
  return status != nullptr ? status->error_code() : StatusCode::OK;
}

policy::Policy one_more(policy::Policy policy) {
  policy.defaults.demotion_quiet = policy.defaults.demotion_quiet.value_or(0ns) + 1us;
  return policy;
}

TEST_CASE("each change is worked out from the one before it, however many ask at once") {
  World world;
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int j = 0; j < kEach; ++j) CHECK(code(world.change(one_more).get()) == StatusCode::OK);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(number_of(world.store.current()->policy) == kThreads * kEach);
}

TEST_CASE("a change that came in between beside the line is not undone") {
  World world;
  bool between = true;
  const auto edit = [&](policy::Policy policy) {
    // As a file that is imported after this was worked out.
    if (std::exchange(between, false)) {
      policy::Policy file = numbered_policy(7);
      file.profile = policy::Profile::kAggressive;
      (void)world.store.import(file, {revisions::Author::Kind::kFile, 0, "f"});
    }
    return one_more(policy);
  };
  CHECK(code(world.change(edit).get()) == StatusCode::OK);
  CHECK(number_of(world.store.current()->policy) == 8);
  CHECK(world.store.current()->policy.profile == policy::Profile::kAggressive);
}

TEST_CASE("what the disk refuses is unavailable, and the next change is stored") {
  test::FailingDisk disk;
  World world(&disk);
  const auto before = world.store.current();
  disk.fail(1, ENOSPC);
  const Stored refused = world.change_to(5).get();
  CHECK(code(refused) == StatusCode::UNAVAILABLE);
  CHECK(world.store.current() == before);
  disk.work();
  CHECK(code(world.change_to(6).get()) == StatusCode::OK);
}

TEST_CASE("a change whose time is up is answered, and one that had not begun is never made") {
  HeldDisk disk;
  World world(&disk, 10s);
  disk.hold();
  std::future<Stored> storing = world.change_to(1);
  disk.wait_until_reached();
  std::future<Stored> waiting = world.change_to(2);
  world.line->look_at(ChangeLine::Clock::now());
  CHECK(storing.wait_for(0s) == std::future_status::timeout);
  world.line->look_at(ChangeLine::Clock::now() + 11s);
  CHECK(code(storing.get()) == StatusCode::DEADLINE_EXCEEDED);
  CHECK(code(waiting.get()) == StatusCode::DEADLINE_EXCEEDED);
  disk.let_go();
  CHECK(code(world.change_to(3).get()) == StatusCode::OK);
  CHECK(number_of(world.store.list(0, 10).at(1)->policy) == 1);
}

TEST_CASE("what is stored after its time was up, or after the end, is told all the same") {
  HeldDisk disk;
  World world(&disk, 10s);
  CHECK(code(world.change_to(1).get()) == StatusCode::OK);
  const std::uint64_t before = world.store.current()->number;
  disk.hold();
  std::future<Stored> storing = world.change_to(2);
  disk.wait_until_reached();
  std::future<Stored> waiting = world.change_to(3);
  world.line->look_at(ChangeLine::Clock::now() + 11s);
  CHECK(code(storing.get()) == StatusCode::DEADLINE_EXCEEDED);
  CHECK(code(waiting.get()) == StatusCode::DEADLINE_EXCEEDED);
  world.line->close();
  world.line.reset();
  disk.let_go();
  world.store.stop();
  CHECK(world.late == std::vector{before + 1});
  CHECK(world.store.current()->number == before + 1);
}

TEST_CASE("who closes the line is not kept by a disk that does not answer") {
  HeldDisk disk;
  World world(&disk);
  disk.hold();
  std::future<Stored> storing = world.change_to(1);
  disk.wait_until_reached();
  std::future<Stored> waiting = world.change_to(2);
  world.line->close();
  CHECK(code(storing.get()) == StatusCode::UNAVAILABLE);
  CHECK(code(waiting.get()) == StatusCode::UNAVAILABLE);
  CHECK(code(world.change_to(3).get()) == StatusCode::UNAVAILABLE);
  // The store outlives the line, and still has its callback.
  world.line.reset();
  disk.let_go();
  world.store.stop();
}

TEST_CASE("only so many changes wait") {
  HeldDisk disk;
  World world(&disk);
  disk.hold();
  std::vector<std::future<Stored>> answers;
  answers.push_back(world.change_to(0));
  disk.wait_until_reached();
  for (std::size_t i = 0; i < ChangeLine::kMostWaiting; ++i) answers.push_back(world.change_to(i));
  CHECK(code(world.change_to(1).get()) == StatusCode::RESOURCE_EXHAUSTED);
  disk.let_go();
  for (auto& answer : answers) CHECK(code(answer.get()) == StatusCode::OK);
}

}  // namespace
}  // namespace pulsed::rpc
