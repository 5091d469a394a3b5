// The number of the newest revision that somebody was told of. A file above it is of a commit that was cut off, or refused by
// a disk that then did not let us remove it: no later start may put it in force.
//
// Written in place, so that it needs nothing of the directory, which may be what the disk refused. A mark that is torn or
// gone keeps nothing from being in force.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/revisions/disk.h"
#include "shared_memory/segment.h"

namespace pulsed::revisions {

// Why something was not done, in words; nothing: it was done.
using WhyNot = std::optional<std::string>;

class AcknowledgedMark {
 public:
  static constexpr const char* kName = "acknowledged";  // of its file

  explicit AcknowledgedMark(Disk& disk) : disk_(disk) {}

  // The number that the bytes of its file say; nothing: they are not whole.
  [[nodiscard]] static std::optional<std::uint64_t> read(std::string_view bytes);

  // False: errno says why.
  bool open(int dir);
  // What stands in the file, or nothing if that is not known.
  void found(std::optional<std::uint64_t> number) { stands_ = number; }
  // Once this is done it outlives a power failure. After a fault either number may stand there.
  [[nodiscard]] WhyNot set(std::uint64_t number);

 private:
  Disk& disk_;
  shm::Fd file_;
  std::optional<std::uint64_t> stands_;
};

}  // namespace pulsed::revisions
