#include "tests/support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

bool kept_from_children(const std::string& entry) {
  constexpr std::array kPrefixes{"PULSED_", "NOTIFY_SOCKET=", "WATCHDOG_", "XDG_"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](const char* prefix) { return entry.starts_with(prefix); });
}

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!kept_from_children(*entry)) all.emplace_back(*entry);
  }
  for (const auto& [name, value] : command.environment) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (std::string& s : strings) all.push_back(s.data());
  all.push_back(nullptr);
  return all;
}

std::array<shm::Fd, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return {shm::Fd(ends[0]), shm::Fd(ends[1])};
}

void limit_descriptors(rlim_t most) {
  const rlimit limit{most, most};
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool become(uid_t user) {
  return ::setgroups(0, nullptr) == 0 && ::setgid(static_cast<gid_t>(user)) == 0 &&
         ::setuid(user) == 0;
}

}  // namespace

bool has_sanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#else
  return false;
#endif
}

int slowness() {
  const char* slow = std::getenv("PULSED_TEST_SLOW");
  return (has_sanitizer() ? 4 : 1) * (slow == nullptr ? 1 : std::max(1, std::atoi(slow)));
}

int trials(int some, int all) { return std::getenv("PULSED_TEST_FULL") != nullptr ? all : some; }

bool wait_until(const std::function<bool()>& holds, milliseconds deadline) {
  const Clock::time_point end = Clock::now() + deadline * slowness();
  while (!holds()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(milliseconds{2});
  }
  return true;
}

Process::Process(const Command& command) : output_(command.output) {
  // Opened here, so that another user may run it from a directory that is not theirs to enter.
  const shm::Fd program(::open(command.program.c_str(), O_RDONLY | O_CLOEXEC));
  if (!program.valid()) throw std::runtime_error("cannot open " + command.program);
  std::vector<std::string> arguments{command.program};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = environment_of(command);
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(environment);
  std::array<shm::Fd, 2> to_child = make_pipe();
  std::array<shm::Fd, 2> from_child = make_pipe();
  if (!output_.empty()) {
    from_child[1] =
        shm::Fd(::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!from_child[1].valid()) throw std::runtime_error("cannot open " + output_);
  }
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::dup2(to_child[0].get(), STDIN_FILENO);
    ::dup2(from_child[1].get(), STDOUT_FILENO);
    if (!output_.empty()) ::dup2(from_child[1].get(), STDERR_FILENO);
    run_child(command, program.get(), argv.data(), envp.data());
  }
  in_ = std::move(to_child[1]);
  out_ = std::move(from_child[0]);
}

void Process::run_child(const Command& command, int program, char** argv, char** envp) {
  constexpr int kCannotRun = 127;
  if (command.own_group) ::setpgid(0, 0);
  if (command.descriptors) limit_descriptors(*command.descriptors);
  if (command.user && !become(*command.user)) ::_exit(kCannotRun);
  // After the change of user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::fexecve(program, argv, envp);
  ::_exit(kCannotRun);
}

Process::~Process() { kill(); }

void Process::signal(int number) const {
  if (!ended_) ::kill(pid_, number);
}

void Process::signal_group(int number) const {
  if (!ended_) ::kill(-pid_, number);
}

void Process::kill() {
  if (ended_ || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  killed_ = true;
  ended_ = Ended{0, SIGKILL};
}

std::optional<Ended> Process::wait_end(milliseconds deadline) {
  int status = 0;
  const auto reap = [&] { return ended_ || ::waitpid(pid_, &status, WNOHANG) == pid_; };
  if (ended_ || !wait_until(reap, deadline)) return ended_;
  ended_ = WIFEXITED(status) ? Ended{WEXITSTATUS(status), 0} : Ended{0, WTERMSIG(status)};
  return ended_;
}

std::string Process::output() const {
  std::ifstream file(output_);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Process::write_line(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(in_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("the process takes no more commands: " + line);
  }
}

std::string Process::read_line(milliseconds deadline) {
  const Clock::time_point end = Clock::now() + deadline * slowness();
  while (true) {
    if (const std::size_t newline = unread_.find('\n'); newline != std::string::npos) {
      std::string line = unread_.substr(0, newline);
      unread_.erase(0, newline + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now()).count();
    pollfd readable{out_.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) != 1) {
      throw std::runtime_error("the process did not answer in time");
    }
    std::array<char, 4096> buffer{};
    const ssize_t n = ::read(out_.get(), buffer.data(), buffer.size());
    if (n <= 0) throw std::runtime_error("the process has ended");
    unread_.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::size_t Process::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t Process::open_descriptors() const {
  std::error_code error;
  const std::filesystem::directory_iterator fds("/proc/" + std::to_string(pid_) + "/fd", error);
  return static_cast<std::size_t>(std::distance(fds, std::filesystem::directory_iterator{}));
}

}  // namespace pulsed::test
