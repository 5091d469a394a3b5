#include "daemon/revisions/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <tuple>

#include "shared_memory/segment.h"

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

// By a descriptor of its own, so that each listing begins at the beginning.
int Disk::list(int dir, std::vector<std::string>& names) {
  shm::Fd fd(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return -1;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd.get()), ::closedir);
  if (!entries) return -1;
  std::ignore = fd.release();
  errno = 0;
  while (const dirent* entry = ::readdir(entries.get())) names.emplace_back(entry->d_name);
  return errno == 0 ? 0 : -1;
}

int Disk::read(int dir, const char* name, std::size_t most, std::string& bytes) {
  const shm::Fd file(::openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return errno == ELOOP || errno == ENXIO ? 0 : -1;
  std::array<char, 16'384> buffer{};
  while (bytes.size() <= most) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n == 0) return 0;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EISDIR ? 0 : -1;
    bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return 0;
}

bool write_all(Disk& disk, int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = disk.write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace pulsed::revisions
