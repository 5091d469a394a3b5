#include "tests/integration/held/light_load.h"

#include <optional>

#include "tests/integration/held/own_time.h"

namespace pulsed::test {
namespace {

constexpr microseconds kWork{20};

bool lowered() { return priority_of(0) != RunLoop::ordinary_priority(); }

}  // namespace

LightLoad::LightLoad(RunLoop& loop, std::uint16_t cls, std::mutex& lock)
    : loop_(loop), cls_(cls), lock_(lock) {}

void LightLoad::start(unsigned a_second, bool with_lock) {
  stop();
  {
    const std::lock_guard lock(mutex_);
    seen_.posted = seen_.served = 0;
    seen_.late_us.clear();
    // Or the poll that finds it full is a heavy one: it moves what a million have left.
    seen_.late_us.reserve(std::size_t{1} << 20);
  }
  stop_.store(false);
  const std::chrono::nanoseconds interval = std::chrono::seconds{1};
  thread_ =
      std::thread([this, each = interval / a_second, with_lock] { generate(each, with_lock); });
}

void LightLoad::stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

void LightLoad::generate(std::chrono::nanoseconds interval, bool with_lock) {
  steady_clock::time_point due = steady_clock::now();
  while (!stop_.load()) {
    due += interval;
    std::this_thread::sleep_until(due);
    {
      const std::lock_guard lock(mutex_);
      ++seen_.posted;
    }
    loop_.post({cls_, [this, due, with_lock] { poll_once(due, with_lock); }});
  }
}

void LightLoad::poll_once(steady_clock::time_point due, bool with_lock) {
  bool found_lowered = lowered();
  {
    std::unique_lock needed(lock_, std::defer_lock);
    if (with_lock) needed.lock();
    burn(kWork);
  }
  found_lowered = lowered() || found_lowered;
  const auto late = std::chrono::duration_cast<microseconds>(steady_clock::now() - due);
  const std::lock_guard lock(mutex_);
  ++seen_.served;
  if (found_lowered) ++seen_.lowered;
  seen_.late_us.push_back(late.count());
}

LightLoad::Seen LightLoad::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace pulsed::test
