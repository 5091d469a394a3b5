#include "tests/integration/held/scripted_poll.h"

#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace pulsed::test {
namespace {

using std::chrono::milliseconds;

constexpr microseconds kStep{100};
// Long enough to be reported in any case: after ten, and the control loop may be busy for as long.
constexpr microseconds kLength{30'000};
constexpr unsigned kRivals = 6;

microseconds since(steady_clock::time_point begin) {
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
}

}  // namespace

std::optional<Script> script_named(const std::string& name) {
  constexpr std::array<std::pair<const char*, Script>, 5> kNames{
      {{"burn", Script::kBurn},
       {"sleep", Script::kSleep},
       {"lock", Script::kLock},
       {"pipe", Script::kPipe},
       {"descheduled", Script::kDescheduled}}};
  for (const auto& [known, script] : kNames) {
    if (name == known) return script;
  }
  return {};
}

ScriptedPoll::ScriptedPoll(Script script) : script_(script) {
  if (script == Script::kDescheduled) rivals_.emplace(kRivals, some_cpu());
  if (script == Script::kPipe) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe failed");
    read_end_ = ends[0];
    write_end_ = ends[1];
  }
  if (script != Script::kLock && script != Script::kPipe) return;
  other_ = std::thread([this] { release_waiter(); });
  std::unique_lock ready(begun_mutex_);
  begun_changed_.wait(ready, [this] { return lock_is_held_; });
}

ScriptedPoll::~ScriptedPoll() {
  if (other_.joinable()) other_.join();
  for (const int end : {read_end_, write_end_}) {
    if (end >= 0) ::close(end);
  }
}

void ScriptedPoll::release_waiter() {
  const std::lock_guard held(lock_);
  std::unique_lock begun(begun_mutex_);
  lock_is_held_ = true;
  begun_changed_.notify_all();
  begun_changed_.wait(begun, [this] { return begun_; });
  std::this_thread::sleep_for(kLength);
  if (script_ == Script::kPipe) [[maybe_unused]]
    const ssize_t n = ::write(write_end_, "x", 1);
}

void ScriptedPoll::run() {
  script_ == Script::kBurn || script_ == Script::kDescheduled ? use_cpu() : wait();
}

void ScriptedPoll::wait() {
  const steady_clock::time_point begin = steady_clock::now();
  {
    const std::lock_guard lock(begun_mutex_);
    begun_ = true;
  }
  begun_changed_.notify_all();
  account_.before_wait = since(begin);
  if (script_ == Script::kSleep) std::this_thread::sleep_for(kLength);
  if (script_ == Script::kLock) const std::lock_guard lock(lock_);
  char byte = 0;
  if (script_ == Script::kPipe) [[maybe_unused]]
    const ssize_t n = ::read(read_end_, &byte, 1);
}

void ScriptedPoll::use_cpu() {
  const steady_clock::time_point begin = steady_clock::now();
  const microseconds cpu_before = thread_cpu();
  if (script_ == Script::kDescheduled) pin_to(some_cpu());
  for (microseconds wall{}; wall < kLength; wall = since(begin)) {
    account_.burned.push_back({wall, thread_cpu() - cpu_before});
    burn(kStep);
  }
  account_.burned.push_back({since(begin), thread_cpu() - cpu_before});
  if (script_ == Script::kDescheduled) pin_to({});
}

}  // namespace pulsed::test
