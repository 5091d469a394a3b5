#include "daemon/ctl/output/format.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace pulsed::ctl {
namespace {

constexpr std::array<std::string_view, 7> kInks{"",         "\x1b[1m",  "\x1b[2m", "\x1b[32m",
                                                "\x1b[33m", "\x1b[31m", "\x1b[35m"};

std::size_t width_of(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term).empty() || std::string_view(term) == "dumb";
}

}  // namespace

Terminal terminal_of(int fd, std::string_view color, std::string_view no_color) {
  const bool is_terminal = ::isatty(fd) == 1;
  Terminal terminal;
  if (is_terminal) terminal.width = width_of(fd);
  terminal.color =
      color == "always" || (color == "auto" && is_terminal && no_color.empty() && !dumb());
  return terminal;
}

std::string inked(const Terminal& terminal, Ink ink, std::string text) {
  if (!terminal.color || ink == Ink::kPlain || text.empty()) return text;
  return std::string(kInks[static_cast<std::size_t>(ink)]) + text + "\x1b[0m";
}

}  // namespace pulsed::ctl
