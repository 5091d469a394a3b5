#include "daemon/ctl/top/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace pulsed::ctl::top {
namespace {

constexpr std::array kRead{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
constexpr std::array kEnding{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
constexpr unsigned kPatienceSeconds = 2;

// Handlers reach nothing else. All of it is set before they are installed.
volatile sig_atomic_t write_end = -1;
volatile sig_atomic_t ending = 0;

struct Terminal {
  volatile sig_atomic_t armed = 0;
  termios settings{};
  std::array<char, 256> sequence{};
  std::size_t length = 0;
};
Terminal terminal;

bool contains(const auto& signals, int signal) {
  return std::find(signals.begin(), signals.end(), signal) != signals.end();
}

void note(int signal) {
  const int saved = errno;
  if (contains(kEnding, signal)) {
    ending = signal;
    ::alarm(kPatienceSeconds);
  }
  const auto byte = static_cast<unsigned char>(signal);
  (void)!::write(write_end, &byte, 1);  // full: there is more than enough to read
  errno = saved;
}

// Only what is safe in a handler. Does not wait for a terminal that takes nothing.
void put_terminal_right() {
  if (terminal.armed == 0) return;
  terminal.armed = 0;
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0)
    (void)!::write(STDOUT_FILENO, terminal.sequence.data(), terminal.length);
  (void)::tcsetattr(STDIN_FILENO, TCSANOW, &terminal.settings);
}

void die_now(int signal) {
  put_terminal_right();
  die_by(signal == SIGALRM && ending != 0 ? static_cast<int>(ending) : signal);
}

struct sigaction action_of(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  return action;
}

}  // namespace

void die_by(int signal) {
  struct sigaction action = action_of(SIG_DFL);
  ::sigaction(signal, &action, nullptr);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::raise(signal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Signals::Signals() {
  static_assert(kRead.size() + kCrashes.size() <= kMost);
  if (::pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  write_end = pipe_[1];
  ending = 0;
  std::size_t at = 0;
  const auto install = [&](int signal, void (*handler)(int)) {
    const struct sigaction action = action_of(handler);
    ::sigaction(signal, &action, &before_[at]);
    // Who started us with nohup, or without job control, wants it so.
    if (before_[at].sa_handler == SIG_IGN) ::sigaction(signal, &before_[at], nullptr);
    ++at;
  };
  for (const int signal : kRead) install(signal, note);
  for (const int signal : kCrashes) install(signal, die_now);
}

Signals::~Signals() {
  ::alarm(0);
  std::size_t at = 0;
  for (const int signal : kRead) ::sigaction(signal, &before_[at++], nullptr);
  for (const int signal : kCrashes) ::sigaction(signal, &before_[at++], nullptr);
  write_end = -1;
  for (const int fd : pipe_) ::close(fd);
}

std::optional<int> Signals::next() {
  unsigned char signal = 0;
  if (::read(pipe_[0], &signal, 1) != 1) return std::nullopt;
  return signal;
}

void Signals::stop() {
  struct sigaction ours {};
  const struct sigaction stops = action_of(SIG_DFL);
  ::sigaction(SIGTSTP, &stops, &ours);
  ::raise(SIGTSTP);
  ::sigaction(SIGTSTP, &ours, nullptr);
}

Rescue::Rescue(const termios& settings, const std::string& sequence) {
  terminal.settings = settings;
  terminal.length = std::min(sequence.size(), terminal.sequence.size());
  std::copy_n(sequence.begin(), terminal.length, terminal.sequence.begin());
  terminal.armed = 1;
}

Rescue::~Rescue() { terminal.armed = 0; }

}  // namespace pulsed::ctl::top
