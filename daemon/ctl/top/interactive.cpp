#include "daemon/ctl/top/interactive.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include "daemon/ctl/failure.h"
#include "daemon/ctl/top/frame.h"
#include "daemon/ctl/top/model.h"
#include "daemon/ctl/top/screen.h"
#include "daemon/ctl/top/signals.h"
#include "daemon/ctl/top/source.h"

namespace pulsed::ctl::top {
namespace {

// Ages on the screen go on while nothing else happens.
constexpr int kMostWaitMs = 1000;

class Session {
 public:
  Session(const Endpoint& endpoint, const Start& start, bool color)
      : browser_(start), source_(endpoint, start.interval), screen_(color) {}

  // Returns the signal that ended it; 0: the operator did.
  [[nodiscard]] int run() {
    while (!ends_) {
      if (stale_) draw();
      wait();
      read_signals();
      read_keys();
      read_news();
    }
    return signal_;
  }

 private:
  void draw() {
    listing_ = browser_.list(model_.rows());
    const Size size = screen_.size();
    browser_.settle(listing_, page_of(size));
    const Now now{std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
    stale_ = !screen_.draw(frame_of(model_, browser_, listing_, now, size));
  }

  void wait() {
    std::array<pollfd, 3> fds{{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                               {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                               {.fd = source_.fd(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(fds.data(), fds.size(), kMostWaitMs);
    if (ready < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "poll");
    if (ready == 0) stale_ = true;
    if (ready > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) end(SIGHUP);
  }

  void end(int signal) {
    ends_ = true;
    if (signal_ == 0) signal_ = signal;
  }

  void read_signals() {
    while (const std::optional<int> signal = signals_.next()) {
      stale_ = true;
      switch (*signal) {
        case SIGWINCH:
          screen_.resize();
          break;
        case SIGTSTP:
          screen_.leave();
          signals_.stop();
          screen_.restore();
          break;
        case SIGCONT:
          screen_.restore();
          break;
        case SIGINT:
          end(0);
          break;
        default:
          end(*signal);
      }
    }
  }

  void read_keys() {
    while (!ends_) {
      const std::optional<Key> key = screen_.read_key();
      if (!key) return;
      const auto interval = browser_.interval();
      const auto outcome = browser_.press(*key, model_.rows(), listing_, page_of(screen_.size()));
      if (outcome == Browser::Outcome::kQuit) end(0);
      if (browser_.interval() != interval) source_.set_interval(browser_.interval());
      // The next key means what this one has made of the screen, drawn or not.
      listing_ = browser_.list(model_.rows());
      browser_.settle(listing_, page_of(screen_.size()));
      stale_ = true;
    }
  }

  void read_news() {
    std::optional<News> news = source_.take();
    if (!news) return;
    if (const Lost* lost = std::get_if<Lost>(&*news)) {
      model_.lose(lost->why);
    } else if (browser_.paused() && !model_.empty()) {
      return;
    } else {
      model_.take(std::move(std::get<Reading>(*news)));
    }
    stale_ = true;
  }

  Signals signals_;
  Model model_;
  Browser browser_;
  Listing listing_;
  Source source_;
  Screen screen_;  // the first to go, so that nobody sees how long the others take
  bool stale_ = true;
  bool ends_ = false;
  int signal_ = 0;
};

}  // namespace

int run_interactive(const Endpoint& endpoint, const Start& start, bool color) {
  const int signal = Session(endpoint, start, color).run();
  if (signal == 0) return kExitOk;
  die_by(signal);
  return kExitInterrupted;
}

}  // namespace pulsed::ctl::top
