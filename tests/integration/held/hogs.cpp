#include "tests/integration/held/hogs.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <future>
#include <random>

#include "shared_memory/segment.h"

namespace pulsed::test {
namespace {

// Waits in read(2) for so long.
void wait_for_timer(microseconds time) {
  const shm::Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  const itimerspec once{{}, {time.count() / 1'000'000, time.count() % 1'000'000 * 1000}};
  std::uint64_t expired = 0;
  if (::timerfd_settime(timer.get(), 0, &once, nullptr) == 0) {
    [[maybe_unused]] const ssize_t n = ::read(timer.get(), &expired, sizeof(expired));
  }
}

}  // namespace

void Hogs::endless(std::uint16_t cls, bool anywhere) {
  running_.fetch_add(1);
  loop_.post({cls,
              [this, round = round_.load()] {
                while (round_.load(std::memory_order_relaxed) == round) {
                  for (int i = 0; i < 20; ++i) spin();
                  const std::optional<OsPriority> now = priority_of(0);
                  const std::lock_guard lock(mutex_);
                  if (now) last_seen_ = *now;
                }
                running_.fetch_sub(1);
              },
              !anywhere});
}

void Hogs::chain(const Chain& chain, unsigned seed) {
  running_.fetch_add(1);
  go_on(chain, seed, round_.load());
}

void Hogs::go_on(const Chain& chain, std::uint64_t random, std::uint64_t round) {
  loop_.post({chain.cls, [=, this] {
                std::minstd_rand numbers(static_cast<std::uint32_t>(random));
                const microseconds time{std::uniform_int_distribution<long>(
                    chain.least.count(), chain.most.count())(numbers)};
                chain.work == ChainWork::kIo ? wait_for_timer(time) : burn(time);
                polls_.fetch_add(1);
                const bool goes_on = round_.load() == round;
                if (goes_on) go_on(chain, numbers(), round);
                if (!goes_on) running_.fetch_sub(1);
              }});
}

void Hogs::end() {
  round_.fetch_add(1);
  while (running_.load() != 0) std::this_thread::sleep_for(microseconds{200});
}

microseconds Hogs::hold(std::mutex& lock, std::uint16_t cls, microseconds cpu) {
  std::promise<microseconds> done;
  loop_.post({cls, [&] {
                microseconds held{};
                {
                  const std::lock_guard guard(lock);
                  const steady_clock::time_point begin = steady_clock::now();
                  burn(cpu);
                  if (priority_of(0) != RunLoop::ordinary_priority()) held_lowered_.fetch_add(1);
                  held = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
                }
                done.set_value(held);
              }});
  return done.get_future().get();
}

OsPriority Hogs::last_seen() const {
  const std::lock_guard lock(mutex_);
  return last_seen_;
}

}  // namespace pulsed::test
