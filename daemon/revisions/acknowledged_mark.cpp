#include "daemon/revisions/acknowledged_mark.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>

namespace pulsed::revisions {
namespace {

// Of the same length for any number: "00000000000000000042 89abcdef\n".
std::string bytes_of(std::uint64_t number) {
  std::array<char, 32> text{};
  const int digits =
      std::snprintf(text.data(), text.size(), "%020llu", static_cast<unsigned long long>(number));
  const auto crc =
      ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<std::size_t>(digits));
  std::snprintf(text.data() + digits, text.size() - static_cast<std::size_t>(digits), " %08lx\n",
                crc);
  return text.data();
}

}  // namespace

std::optional<std::uint64_t> AcknowledgedMark::read(std::string_view bytes) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), number);
  if (error != std::errc{} || bytes_of(number) != bytes) return {};
  return number;
}

bool AcknowledgedMark::open(int dir) {
  file_ = shm::Fd(disk_.open(dir, kName, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  return file_.valid();
}

WhyNot AcknowledgedMark::set(std::uint64_t number) {
  if (stands_ == number) return {};
  stands_.reset();
  const std::string bytes = bytes_of(number);
  if (::lseek(file_.get(), 0, SEEK_SET) != 0 || !write_all(disk_, file_.get(), bytes) ||
      disk_.sync(file_.get()) != 0) {
    return "cannot write the file `" + std::string(kName) +
           "`: " + std::generic_category().message(errno);
  }
  stands_ = number;
  return {};
}

}  // namespace pulsed::revisions
