// The terminal: shows frames and reads keys. The only file that knows curses is its .cpp.
#pragma once

#include <memory>
#include <optional>

#include "daemon/ctl/top/key.h"
#include "daemon/ctl/top/styled_text.h"

namespace pulsed::ctl::top {

// Takes over the terminal of stdin and stdout while it lives, one at a time in a process. Throws Failed if that has no cursor to move.
// Call methods from one thread.
class Screen {
 public:
  explicit Screen(bool color);
  ~Screen();  // gives it back as it was
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  [[nodiscard]] Size size() const;
  // False: the terminal takes nothing now, so nothing was drawn; try again later.
  bool draw(const Frame& frame);
  [[nodiscard]] std::optional<Key> read_key();  // does not wait

  void resize();   // after SIGWINCH
  void leave();    // before a stop
  void restore();  // after it

 private:
  struct Curses;
  std::unique_ptr<Curses> curses_;
};

}  // namespace pulsed::ctl::top
