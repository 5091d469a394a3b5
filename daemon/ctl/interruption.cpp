#include "daemon/ctl/interruption.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace pulsed::ctl {
namespace {

constexpr std::array<int, 2> kSignals{SIGINT, SIGTERM};
constexpr std::uint64_t kSignalled = 1;
constexpr std::uint64_t kOver = 1ULL << 32;

// What the handler writes to; signal handlers see nothing but globals.
int event_fd = -1;

void tell(std::uint64_t what) {
  [[maybe_unused]] const ssize_t written = ::write(event_fd, &what, sizeof(what));
}

void on_signal(int /*signal*/) {
  const int saved = errno;
  tell(kSignalled);
  errno = saved;
}

}  // namespace

Interruption::Interruption() {
  event_fd = ::eventfd(0, EFD_CLOEXEC);
  if (event_fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
  thread_ = std::thread([this] { watch(); });
}

Interruption::~Interruption() {
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
  tell(kOver);
  thread_.join();
  ::close(event_fd);
  event_fd = -1;
}

void Interruption::watch() {
  for (;;) {
    std::uint64_t told = 0;
    if (::read(event_fd, &told, sizeof(told)) != sizeof(told)) continue;
    if (told >= kOver) return;
    const std::lock_guard lock(mutex_);
    happened_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.notify_all();
  }
}

bool Interruption::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return happened_.load(); });
}

void Interruption::cancel_with(grpc::ClientContext* context) {
  const std::lock_guard lock(mutex_);
  context_ = context;
  if (context != nullptr && happened_) context->TryCancel();
}

Interruption::Cancels::Cancels(Interruption& interruption, grpc::ClientContext& context)
    : interruption_(interruption) {
  interruption_.cancel_with(&context);
}

Interruption::Cancels::~Cancels() { interruption_.cancel_with(nullptr); }

}  // namespace pulsed::ctl
