#include "shim/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>

namespace pulsed::shim {
namespace {

using std::chrono::nanoseconds;

// The ABI of futex_waitv(2), which headers of older kernels lack.
struct Waiter {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
constexpr long kFutexWaitv = 449;  // on every architecture
constexpr std::uint32_t kSize32 = 2;

constexpr nanoseconds kGlance = std::chrono::seconds(1);  // how late a word is noticed alone
constexpr nanoseconds kRefused =
    std::chrono::milliseconds(1);  // so that no wait becomes a busy loop

class KeepErrno {
 public:
  KeepErrno() : errno_(errno) {}
  ~KeepErrno() { errno = errno_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int errno_;
};

timespec to_timespec(nanoseconds t) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {t.count() / kSecond, t.count() % kSecond};
}

bool expected(int error) { return error == EAGAIN || error == EINTR || error == ETIMEDOUT; }

void nap() {
  const timespec length = to_timespec(kRefused);
  ::nanosleep(&length, nullptr);
}

void wait(const std::uint32_t* word, std::uint32_t seen, Timeout timeout, int operation) {
  const KeepErrno keep;
  const timespec limit = to_timespec(timeout.value_or(nanoseconds{0}));
  const long n =
      ::syscall(SYS_futex, word, operation, seen, timeout ? &limit : nullptr, nullptr, 0);
  if (n == 0 || expected(errno)) return;
  nap();
}

std::atomic<bool> waitv_missing{false};

// False: this kernel does not have it, or will not let us.
bool wait_both(const std::uint32_t* shared, std::uint32_t shared_seen, const std::uint32_t* own,
               std::uint32_t own_seen, Timeout timeout) {
  if (waits_on_one_word()) return false;
  const std::array<Waiter, 2> words{
      Waiter{shared_seen, reinterpret_cast<std::uint64_t>(shared), kSize32, 0},
      Waiter{own_seen, reinterpret_cast<std::uint64_t>(own), kSize32 | FUTEX_PRIVATE_FLAG, 0}};
  timespec limit{};
  if (timeout) {  // absolute here
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    limit = to_timespec(std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec) + *timeout);
  }
  const long n = ::syscall(kFutexWaitv, words.data(), words.size(), 0, timeout ? &limit : nullptr,
                           CLOCK_MONOTONIC);
  if (n >= 0 || expected(errno)) return true;
  if (errno != ENOSYS && errno != EPERM) {  // out of memory, say: for now
    nap();
    return true;
  }
  waitv_missing.store(true, std::memory_order_seq_cst);
  return false;
}

}  // namespace

bool waits_on_one_word() { return waitv_missing.load(std::memory_order_seq_cst); }

void wake_shared(const std::uint32_t* word) {
  const KeepErrno keep;
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void wait_shared(const std::uint32_t* word, std::uint32_t seen, Timeout timeout) {
  wait(word, seen, timeout, FUTEX_WAIT);
}

void wait_either(const std::uint32_t* shared, std::uint32_t shared_seen, const std::uint32_t* own,
                 std::uint32_t own_seen, Timeout timeout) {
  const KeepErrno keep;
  if (wait_both(shared, shared_seen, own, own_seen, timeout)) return;
  if (__atomic_load_n(own, __ATOMIC_SEQ_CST) != own_seen) return;
  wait_shared(shared, shared_seen, std::min(timeout.value_or(kGlance), kGlance));
}

void wait_own(const std::uint32_t* own, std::uint32_t seen, Timeout timeout) {
  wait(own, seen, timeout, FUTEX_WAIT_PRIVATE);
}

void wake_own(const std::uint32_t* own) {
  const KeepErrno keep;
  ::syscall(SYS_futex, own, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace pulsed::shim
