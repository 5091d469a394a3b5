// What the revision store asks of a file system, so that a test can refuse each of its calls.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pulsed::revisions {

// The calls of the same names, on names within the directory `dir`. -1: it failed; errno says why.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual int make_directory(const char* path, mode_t mode);
  virtual int open(int dir, const char* name, int flags, mode_t mode);
  virtual ssize_t write(int fd, const void* bytes, std::size_t count);
  virtual int sync(int fd);
  virtual int rename(int dir, const char* from, const char* to);
  virtual int remove(int dir, const char* name);

  // All names in `dir`, or an error and whatever.
  virtual int list(int dir, std::vector<std::string>& names);
  // All bytes of a file, or the first ones if it has more than `most`. What is no file (a directory, a link) has none.
  virtual int read(int dir, const char* name, std::size_t most, std::string& bytes);
};

// False: errno says why.
[[nodiscard]] bool write_all(Disk& disk, int fd, std::string_view bytes);

}  // namespace pulsed::revisions
