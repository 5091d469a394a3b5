// What `pulsectl top` knows: the latest reading against the one before, the past of each row, and whether the daemon answers.
#pragma once

#include <optional>
#include <string>

#include "daemon/ctl/top/history.h"
#include "daemon/ctl/top/reading.h"
#include "daemon/ctl/top/rows.h"

namespace pulsed::ctl::top {

class Model {
 public:
  void take(Reading reading);
  // The daemon did not answer. What was read before stays, and grows old.
  void lose(std::string why) { lost_ = std::move(why); }

  // Nothing was ever read.
  [[nodiscard]] bool empty() const { return !latest_; }
  [[nodiscard]] const Reading& latest() const { return *latest_; }  // unless empty
  [[nodiscard]] const Rows& rows() const { return rows_; }
  [[nodiscard]] const History& history() const { return history_; }
  // Why the daemon does not answer; nothing while it does.
  [[nodiscard]] const std::optional<std::string>& lost() const { return lost_; }

 private:
  void remember();

  std::optional<Reading> latest_;
  Rows rows_;
  History history_;
  std::optional<std::string> lost_;
};

}  // namespace pulsed::ctl::top
