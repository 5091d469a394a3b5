// A disk that refuses one call, chosen by its number.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "daemon/revisions/disk.h"

namespace pulsed::test {

class FailingDisk final : public revisions::Disk {
 public:
  // The call of that number from now on, counted from 1, fails with that error; and each later one too, if `for_good`.
  void fail(std::size_t call, int error, bool for_good = false) {
    calls_.clear();
    failing_ = call;
    error_ = error;
    for_good_ = for_good;
  }
  void work() { fail(0, 0); }
  // Each write takes at most so many bytes; 0: all.
  void write_at_most(std::size_t bytes) { most_ = bytes; }
  // Files and directories (".") whose name ends so do not read; an empty one: all read.
  void fail_to_read(std::string end, int error) {
    unread_ = std::move(end);
    read_error_ = error;
  }
  // What was called, but to read, since fail() or work().
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }

  int make_directory(const char* path, mode_t mode) override {
    return refuses("mkdir") ? -1 : Disk::make_directory(path, mode);
  }
  int open(int dir, const char* name, int flags, mode_t mode) override {
    return refuses("open") ? -1 : Disk::open(dir, name, flags, mode);
  }
  ssize_t write(int fd, const void* bytes, std::size_t count) override {
    if (refuses("write")) return -1;
    return Disk::write(fd, bytes, most_ != 0 && count > most_ ? most_ : count);
  }
  int sync(int fd) override { return refuses("sync") ? -1 : Disk::sync(fd); }
  int rename(int dir, const char* from, const char* to) override {
    return refuses("rename") ? -1 : Disk::rename(dir, from, to);
  }
  int remove(int dir, const char* name) override {
    return refuses("remove") ? -1 : Disk::remove(dir, name);
  }

  int list(int dir, std::vector<std::string>& names) override {
    return unreadable(".") ? -1 : Disk::list(dir, names);
  }
  int read(int dir, const char* name, std::size_t most, std::string& bytes) override {
    return unreadable(name) ? -1 : Disk::read(dir, name, most, bytes);
  }

 private:
  bool unreadable(const std::string& name) const {
    const bool is = !unread_.empty() && name.ends_with(unread_);
    if (is) errno = read_error_;
    return is;
  }
  bool refuses(const char* name) {
    calls_.emplace_back(name);
    const bool refused =
        failing_ != 0 && (for_good_ ? calls_.size() >= failing_ : calls_.size() == failing_);
    if (refused) errno = error_;
    return refused;
  }

  std::vector<std::string> calls_;
  std::size_t failing_ = 0;
  int error_ = 0;
  bool for_good_ = false;
  std::size_t most_ = 0;
  std::string unread_;
  int read_error_ = 0;
};

}  // namespace pulsed::test
