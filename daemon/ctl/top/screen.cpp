#include "daemon/ctl/top/screen.h"

#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "daemon/ctl/failure.h"
#include "daemon/ctl/top/signals.h"

namespace pulsed::ctl::top {
namespace {

constexpr int kEscapeDelayMs = 25;  // an escape sequence comes within that, a pressed Esc alone

enum Pair : short { kNone, kGreenPair, kYellowPair, kRedPair, kMagentaPair, kCyanPair };

struct Look {
  short pair;
  attr_t attributes;
};

// In the order of Style.
constexpr std::array<Look, kStyleCount> kLooks{{
    {kNone, A_NORMAL},        // plain
    {kNone, A_DIM},           // dim
    {kNone, A_BOLD},          // bold
    {kGreenPair, A_NORMAL},   // good
    {kYellowPair, A_NORMAL},  // caution
    {kRedPair, A_BOLD},       // bad
    {kNone, A_NORMAL},        // monitor
    {kYellowPair, A_NORMAL},  // warn
    {kMagentaPair, A_BOLD},   // yield
    {kRedPair, A_BOLD},       // isolate
    {kCyanPair, A_NORMAL},    // sparkline
}};

attr_t ground_attributes(Line::Ground ground) {
  switch (ground) {
    case Line::Ground::kSelected:
      return A_REVERSE;
    case Line::Ground::kTitle:
      return A_BOLD | A_UNDERLINE;
    case Line::Ground::kPlain:
      break;
  }
  return A_NORMAL;
}

std::string capability(const char* name) {
  const char* value = ::tigetstr(const_cast<char*>(name));
  return value == nullptr || value == reinterpret_cast<char*>(-1) ? std::string{} : value;
}

std::string leaving_sequence() {
  return capability("sgr0") + capability("rmkx") + capability("cnorm") + capability("rmcup");
}

termios settings_of_terminal() {
  termios settings{};
  ::tcgetattr(STDIN_FILENO, &settings);
  return settings;
}

[[noreturn]] void refuse_terminal(const std::string& what) {
  const char* term = std::getenv("TERM");
  throw Failed(kExitUsage, what + " (TERM is `" + std::string(term == nullptr ? "" : term) +
                               "`); `pulsectl top -n 1` needs none");
}

SCREEN* open_terminal() {
  ::set_escdelay(kEscapeDelayMs);
  SCREEN* screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr) refuse_terminal("nothing is known of this terminal");
  if (!capability("cup").empty()) return screen;
  ::endwin();
  ::delscreen(screen);
  refuse_terminal("this terminal has no cursor that can be moved");
}

void set_colors() {
  ::start_color();
  ::use_default_colors();
  const short ground = -1;
  ::init_pair(kGreenPair, COLOR_GREEN, ground);
  ::init_pair(kYellowPair, COLOR_YELLOW, ground);
  ::init_pair(kRedPair, COLOR_RED, ground);
  ::init_pair(kMagentaPair, COLOR_MAGENTA, ground);
  ::init_pair(kCyanPair, COLOR_CYAN, ground);
}

Key::Name name_of(wint_t code) {
  switch (code) {
    case KEY_ENTER:
      return Key::Name::kEnter;
    case KEY_BACKSPACE:
    case KEY_DC:
      return Key::Name::kBackspace;
    case KEY_LEFT:
      return Key::Name::kLeft;
    case KEY_RIGHT:
      return Key::Name::kRight;
    case KEY_UP:
      return Key::Name::kUp;
    case KEY_DOWN:
      return Key::Name::kDown;
    case KEY_PPAGE:
      return Key::Name::kPageUp;
    case KEY_NPAGE:
      return Key::Name::kPageDown;
    case KEY_HOME:
      return Key::Name::kHome;
    case KEY_END:
      return Key::Name::kEnd;
    default:
      return Key::Name::kOther;
  }
}

Key key_of(wint_t character) {
  switch (character) {
    case L'\r':
    case L'\n':
      return {Key::Name::kEnter};
    case 27:
      return {Key::Name::kEscape};
    case 8:
    case 127:
      return {Key::Name::kBackspace};
    default:
      return {Key::Name::kCharacter, static_cast<char32_t>(character)};
  }
}

void draw_line(int y, const Line& line, int width, bool color) {
  const attr_t ground = ground_attributes(line.ground);
  ::move(y, 0);
  for (const Span& span : line.spans) {
    const Look& look = kLooks[static_cast<std::size_t>(span.style)];
    ::attr_set(look.attributes | ground, color ? look.pair : short{kNone}, nullptr);
    ::addstr(span.text.c_str());
  }
  ::attr_set(ground, kNone, nullptr);
  if (ground != A_NORMAL && getcury(stdscr) == y)
    for (int x = getcurx(stdscr); x < width; ++x) ::mvaddch(y, x, ' ');
  ::attr_set(A_NORMAL, kNone, nullptr);
}

}  // namespace

struct Screen::Curses {
  SCREEN* screen;
  Rescue rescue;
  bool color;
};

Screen::Screen(bool color) {
  const termios settings = settings_of_terminal();
  SCREEN* screen = open_terminal();
  color = color && ::has_colors();
  curses_.reset(new Curses{screen, Rescue(settings, leaving_sequence()), color});
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::typeahead(-1);  // a frame is drawn whole, whatever is typed
  ::curs_set(0);
  if (color) set_colors();
  resize();
}

Screen::~Screen() {
  ::endwin();
  SCREEN* screen = curses_->screen;
  curses_.reset();
  ::delscreen(screen);
}

Size Screen::size() const {
  return {.width = static_cast<std::size_t>(COLS), .height = static_cast<std::size_t>(LINES)};
}

// Not what LINES and COLUMNS say in the environment: they are of another time.
void Screen::resize() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return;
  ::resizeterm(size.ws_row, size.ws_col);
  ::clearok(curscr, TRUE);
}

bool Screen::draw(const Frame& frame) {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) return false;
  ::erase();
  const int height = std::min(static_cast<int>(frame.lines.size()), LINES);
  for (int y = 0; y < height; ++y)
    draw_line(y, frame.lines[static_cast<std::size_t>(y)], COLS, curses_->color);
  ::curs_set(frame.cursor ? 1 : 0);
  if (frame.cursor) ::move(height - 1, static_cast<int>(*frame.cursor));
  ::refresh();
  return true;
}

std::optional<Key> Screen::read_key() {
  wint_t code = 0;
  switch (::get_wch(&code)) {
    case KEY_CODE_YES:
      return Key{name_of(code)};
    case OK:
      return key_of(code);
    default:
      return std::nullopt;
  }
}

void Screen::leave() { ::endwin(); }

void Screen::restore() {
  ::reset_prog_mode();
  resize();
  ::clearok(curscr, TRUE);
  ::refresh();
}

}  // namespace pulsed::ctl::top
