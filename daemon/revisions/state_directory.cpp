#include "daemon/revisions/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/run_directory/lock_file.h"

namespace pulsed::revisions {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 20;  // of the largest number
constexpr std::string_view kComplete = ".json";
constexpr std::string_view kTemporary = ".json.tmp";
constexpr std::string_view kSetAside = ".json.unreadable";
// More than any policy makes: its YAML has at most 1 MiB, twice in a file, escaped.
constexpr std::size_t kMostBytes = 8 << 20;
constexpr std::size_t kMostMarkBytes = 64;

std::string name_of(std::uint64_t number, std::string_view suffix) {
  const std::string digits = std::to_string(number);
  return std::string(kDigits - digits.size(), '0') + digits + std::string(suffix);
}

// The number of a name with that suffix; nothing: it is another name.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view suffix) {
  if (name.size() != kDigits + suffix.size() || !name.ends_with(suffix)) return {};
  std::uint64_t number = 0;
  const char* end = name.data() + kDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc{} || stop != end || number == 0) return {};
  return number;
}

std::string fault_of(const std::string& what, const fs::path& path) {
  return what + " " + path.string() + ": " + std::generic_category().message(errno);
}

// Some file systems know no fsync of a directory, and need none.
bool not_needed(int error) { return error == EINVAL || error == ENOTSUP; }

// So that its parent is not itself.
fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

StateDirectory::StateDirectory(fs::path state_dir, Disk& disk)
    : state_dir_(without_slash(state_dir)), disk_(disk), mark_(disk) {
  std::error_code ignored;  // what is missing then shows when its child is made
  fs::create_directories(state_dir_.parent_path(), ignored);
  make(state_dir_);
  make(state_dir_ / "revisions");
  open();
  if (directory_.valid()) hold();
}

void StateDirectory::make(const fs::path& directory) {
  if (!fault_.empty()) return;
  if (disk_.make_directory(directory.c_str(), 0700) != 0) {
    if (errno != EEXIST) give_up(fault_of("cannot make", directory));
    return;
  }
  // Its entry must outlive a power failure as what it will hold does.
  const shm::Fd parent(::open(directory.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() || (disk_.sync(parent.get()) != 0 && !not_needed(errno))) {
    give_up(fault_of("cannot sync", directory.parent_path()));
  }
}

// Whoever may write there decides on the policy: nobody else may.
void StateDirectory::open() {
  const fs::path path = state_dir_ / "revisions";
  shm::Fd directory(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!directory.valid() || ::fstat(directory.get(), &status) != 0) {
    give_up(fault_of("cannot open", path));
    return;
  }
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    give_up(path.string() + " belongs to uid " + std::to_string(status.st_uid));
    return;
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    give_up("others may write to " + path.string() + " (chmod go-w)");
    return;
  }
  directory_ = std::move(directory);
}

void StateDirectory::hold() {
  const fs::path path = state_dir_ / "revisions/lock";
  shm::Fd lock(
      disk_.open(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) {
    give_up(fault_of("cannot write", path));
    return;
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      throw std::runtime_error("another pulsed" + holder_of(lock.get()) + " holds " +
                               state_dir_.string() +
                               "; stop it, or choose another directory with --state-dir");
    }
    give_up(fault_of("cannot lock", path));
    return;
  }
  lock_ = std::move(lock);
  if (!mark_.open(directory_.get())) {
    give_up(fault_of("cannot write", state_dir_ / "revisions" / AcknowledgedMark::kName));
  }
  // Only for the message above: a full disk must not keep us from reading what is there.
  [[maybe_unused]] const bool noted = note_holder(lock_.get());
}

void StateDirectory::give_up(const std::string& why) {
  if (!fault_.empty()) return;
  fault_ = why + "; mend that and start pulsed anew, or choose another directory with --state-dir";
}

StateDirectory::Contents StateDirectory::contents() {
  Contents contents;
  if (!directory_.valid()) return contents;
  std::vector<std::string> names;
  if (disk_.list(directory_.get(), names) != 0) {
    give_up(fault_of("cannot list", state_dir_ / "revisions"));
    return contents;
  }
  const std::optional<std::uint64_t> mark = read_mark();
  for (const std::string& name : names) {
    if (const auto number = number_of(name, kComplete)) {
      const bool counts = !mark || *number <= *mark;
      (counts ? contents.revisions : contents.unacknowledged).push_back(*number);
      if (!counts && fault_.empty()) disk_.remove(directory_.get(), name.c_str());
      if (!counts) continue;
    }
    for (const std::string_view suffix : {kComplete, kSetAside}) {
      contents.highest = std::max(contents.highest, number_of(name, suffix).value_or(0));
    }
    // One that stays is written over.
    const bool left_behind = number_of(name, kTemporary).has_value();
    if (left_behind && fault_.empty()) disk_.remove(directory_.get(), name.c_str());
  }
  std::sort(contents.revisions.begin(), contents.revisions.end());
  acknowledged_ = mark.value_or(contents.highest);
  return contents;
}

std::optional<std::uint64_t> StateDirectory::read_mark() {
  std::string bytes;
  if (disk_.read(directory_.get(), AcknowledgedMark::kName, kMostMarkBytes, bytes) != 0) {
    if (errno != ENOENT) {
      give_up(fault_of("cannot read", state_dir_ / "revisions" / AcknowledgedMark::kName));
    }
    return {};
  }
  const auto number = AcknowledgedMark::read(bytes);
  mark_.found(number);
  return number;
}

fs::path StateDirectory::path_of(std::uint64_t number) const {
  return state_dir_ / "revisions" / name_of(number, kComplete);
}

config::Reading<std::string> StateDirectory::read(std::uint64_t number) const {
  std::string bytes;
  const std::string name = name_of(number, kComplete);
  if (disk_.read(directory_.get(), name.c_str(), kMostBytes, bytes) != 0) {
    return {{}, fault_of("cannot read", path_of(number))};
  }
  return {std::move(bytes), {}};
}

WhyNot StateDirectory::write(std::uint64_t number, std::string_view bytes) {
  if (!fault_.empty()) return fault_;
  // It was never written, or not to the end.
  if (WhyNot why = mark_.set(acknowledged_)) {
    return *why + " in " + path_of(number).parent_path().string();
  }
  WhyNot why = place(number, bytes);
  if (!why) why = acknowledge(number);
  if (!why) return {};
  // The mark keeps one that stays from being in force; the next one of this number is written over it.
  if (const WhyNot stays = remove(number)) *why += "; and " + *stays;
  return why;
}

WhyNot StateDirectory::place(std::uint64_t number, std::string_view bytes) {
  const std::string temporary = name_of(number, kTemporary);
  const std::string name = name_of(number, kComplete);
  WhyNot why = write_temporary(temporary, bytes);
  if (!why && disk_.rename(directory_.get(), temporary.c_str(), name.c_str()) != 0) {
    why = fault_of("cannot rename to", path_of(number));
  }
  if (why) {
    disk_.remove(directory_.get(), temporary.c_str());
    return why;
  }
  if (disk_.sync(directory_.get()) == 0 || not_needed(errno)) return {};
  return fault_of("cannot sync", path_of(number).parent_path());
}

WhyNot StateDirectory::acknowledge(std::uint64_t number) {
  WhyNot why = mark_.set(number);
  if (!why) {
    acknowledged_ = number;
    return {};
  }
  *why += " in " + path_of(number).parent_path().string();
  // The one case left open: a disk that takes the mark, fails to sync it, and then takes nothing any more.
  if (mark_.set(acknowledged_)) {
    *why += "; a pulsed that is started while this lasts may put revision " +
            std::to_string(number) + " in force all the same";
  }
  return why;
}

WhyNot StateDirectory::write_temporary(const std::string& name, std::string_view bytes) {
  const fs::path path = state_dir_ / "revisions" / name;
  // A file anew: after a failed fsync, what the kernel holds of the old one is not to be trusted.
  const shm::Fd file(disk_.open(directory_.get(), name.c_str(),
                                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return fault_of("cannot write", path);
  if (!write_all(disk_, file.get(), bytes)) return fault_of("cannot write", path);
  if (disk_.sync(file.get()) != 0) return fault_of("cannot sync", path);
  return {};
}

WhyNot StateDirectory::remove(std::uint64_t number) {
  const std::string name = name_of(number, kComplete);
  if (disk_.remove(directory_.get(), name.c_str()) == 0 || errno == ENOENT) return {};
  return fault_of("cannot remove", path_of(number));
}

WhyNot StateDirectory::set_aside(std::uint64_t number) {
  const std::string from = name_of(number, kComplete);
  const std::string to = name_of(number, kSetAside);
  if (disk_.rename(directory_.get(), from.c_str(), to.c_str()) == 0) return {};
  return fault_of("cannot rename", path_of(number));
}

}  // namespace pulsed::revisions
