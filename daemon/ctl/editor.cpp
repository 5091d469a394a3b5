#include "daemon/ctl/editor.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "daemon/config/file_text.h"
#include "daemon/ctl/failure.h"

namespace pulsed::ctl {
namespace {

std::string editor() {
  for (const char* variable : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return "vi";
}

void write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw Failed(kExitFailed, path + ": " + std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Ctrl-C is the editor's while it runs, as with system(3).
class SignalsAreTheEditors {
 public:
  SignalsAreTheEditors() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) before_[i] = ::signal(kSignals[i], SIG_IGN);
  }
  ~SignalsAreTheEditors() { give_back(); }
  void give_back() const {
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::signal(kSignals[i], before_[i]);
  }

 private:
  static constexpr std::array<int, 2> kSignals{SIGINT, SIGQUIT};
  std::array<sighandler_t, 2> before_{};
};

}  // namespace

EditedFile::EditedFile(std::string_view text) {
  const char* directory = std::getenv("TMPDIR");
  std::string path = std::string(directory != nullptr && *directory != '\0' ? directory : "/tmp") +
                     "/pulsed-policy-XXXXXX.yaml";
  const int fd = ::mkstemps(path.data(), 5);
  if (fd < 0) throw Failed(kExitFailed, path + ": " + std::strerror(errno));
  path_ = path;
  try {
    write_all(fd, text, path);
  } catch (...) {
    ::close(fd);
    ::unlink(path.c_str());
    throw;
  }
  ::close(fd);
}

EditedFile::~EditedFile() {
  if (!kept_) ::unlink(path_.c_str());
}

void EditedFile::edit() const {
  const std::string command = editor() + " \"$1\"";
  const std::string file = path_.string();
  const SignalsAreTheEditors ignored;
  const pid_t child = ::fork();
  if (child < 0) throw Failed(kExitFailed, std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    ignored.give_back();
    ::execl("/bin/sh", "sh", "-c", command.c_str(), "sh", file.c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Failed(kExitFailed, "the editor failed: " + editor() + "; VISUAL or EDITOR names another");
}

std::string EditedFile::text() const {
  config::FileText read = config::read_file(path_);
  if (read.text) return std::move(*read.text);
  throw Failed(kExitUsage,
               path_.string() + ": " + (read.missing ? "the editor removed it" : read.fault));
}

bool EditedFile::differs_from(std::string_view text) const {
  const config::FileText read = config::read_file(path_);
  return read.text && *read.text != text;
}

}  // namespace pulsed::ctl
