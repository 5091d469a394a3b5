#include "daemon/config/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "daemon/config/yaml_node.h"

namespace pulsed::config {
namespace {

FileText fault_of(int error) {
  return {{}, error == ENOENT || error == ENOTDIR, std::generic_category().message(error)};
}

FileText read_all(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return fault_of(errno);
  if (S_ISDIR(status.st_mode)) return {{}, false, "is a directory"};
  if (!S_ISREG(status.st_mode)) return {{}, false, "is not a regular file"};
  std::string text;
  std::array<char, 16'384> buffer{};
  // One byte over the limit is enough for the parser to refuse it.
  while (text.size() <= kMostBytes) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fault_of(errno);
    if (n == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return {std::move(text), false, {}};
}

}  // namespace

FileText read_file(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fault_of(errno);
  FileText result = read_all(fd);
  close(fd);
  return result;
}

}  // namespace pulsed::config
