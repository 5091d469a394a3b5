// The files of revisions, in `<state_dir>/revisions`: one daemon holds it, and a file stands there whole or not at all.
//
//   StateDirectory directory("/var/lib/pulsed", disk);
//   if (!directory.fault().empty()) ...   // nothing can be written there
//   if (auto why_not = directory.write(7, bytes)) ...   // nothing has changed
//   else ...                                            // 7 outlives a power failure
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config_error.h"
#include "daemon/revisions/acknowledged_mark.h"
#include "daemon/revisions/disk.h"
#include "shared_memory/segment.h"

namespace pulsed::revisions {

class StateDirectory {
 public:
  // Makes both directories (mode 0700) and locks them for as long as this lives. What does not work is a fault; only that
  // another pulsed holds them is thrown, as std::runtime_error.
  StateDirectory(std::filesystem::path state_dir, Disk& disk);

  // Why nothing can be written, and how to mend it; empty: it can. There may be revisions to read all the same.
  [[nodiscard]] const std::string& fault() const { return fault_; }

  struct Contents {
    std::vector<std::uint64_t> revisions;       // ascending
    std::uint64_t highest = 0;                  // number ever seen, those set aside included
    std::vector<std::uint64_t> unacknowledged;  // not among the others, and removed
  };
  // Removes what unfinished writes left behind, too. That it does not read is a fault: what we do not know is not to be
  // written over.
  [[nodiscard]] Contents contents();

  [[nodiscard]] std::filesystem::path path_of(std::uint64_t number) const;
  // No value: the disk does not let us know.
  [[nodiscard]] config::Reading<std::string> read(std::uint64_t number) const;
  // Nothing is written any more, for that reason.
  void give_up(const std::string& why);
  [[nodiscard]] WhyNot write(std::uint64_t number, std::string_view bytes);
  [[nodiscard]] WhyNot remove(std::uint64_t number);
  // Out of the way, for a person to look at, under a name that nothing reads.
  [[nodiscard]] WhyNot set_aside(std::uint64_t number);

 private:
  void make(const std::filesystem::path& directory);
  void open();
  void hold();
  [[nodiscard]] std::optional<std::uint64_t> read_mark();
  [[nodiscard]] WhyNot place(std::uint64_t number, std::string_view bytes);
  [[nodiscard]] WhyNot acknowledge(std::uint64_t number);
  [[nodiscard]] WhyNot write_temporary(const std::string& name, std::string_view bytes);

  std::filesystem::path state_dir_;
  Disk& disk_;
  shm::Fd directory_;  // not valid: there is nothing to read either
  shm::Fd lock_;
  AcknowledgedMark mark_;
  std::uint64_t acknowledged_ = 0;
  std::string fault_;
};

}  // namespace pulsed::revisions
