#include "daemon/revisions/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace pulsed::revisions {

int Disk::make_directory(const char* path, mode_t mode) { return ::mkdir(path, mode); }

int Disk::open(int dir, const char* name, int flags, mode_t mode) {
  return ::openat(dir, name, flags, mode);
}

ssize_t Disk::write(int fd, const void* bytes, std::size_t count) {
  return ::write(fd, bytes, count);
}

int Disk::sync(int fd) { return ::fsync(fd); }

int Disk::rename(int dir, const char* from, const char* to) {
  return ::renameat(dir, from, dir, to);
}

int Disk::remove(int dir, const char* name) { return ::unlinkat(dir, name, 0); }

}  // namespace pulsed::revisions
