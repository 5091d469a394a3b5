// What the revision store asks of a file system, so that a test can refuse each of its calls.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace pulsed::revisions {

// The calls of the same names, on names within the directory `dir`; errno says why one failed.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual int make_directory(const char* path, mode_t mode);
  virtual int open(int dir, const char* name, int flags, mode_t mode);
  virtual ssize_t write(int fd, const void* bytes, std::size_t count);
  virtual int sync(int fd);
  virtual int rename(int dir, const char* from, const char* to);
  virtual int remove(int dir, const char* name);
};

}  // namespace pulsed::revisions
