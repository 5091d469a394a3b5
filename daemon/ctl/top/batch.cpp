#include "daemon/ctl/top/batch.h"

#include <iostream>
#include <thread>

#include "daemon/ctl/failure.h"
#include "daemon/ctl/program.h"
#include "daemon/ctl/top/frame.h"
#include "daemon/ctl/top/model.h"
#include "daemon/ctl/top/source.h"

namespace pulsed::ctl::top {

int run_batch(const Endpoint& endpoint, const Start& start, std::uint64_t frames) {
  Asker asker(endpoint);
  Model model;
  Browser browser(start);
  model.take(asker.ask());
  int exit_code = kExitOk;
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t frame = 0; frame < frames; ++frame) {
    next += start.interval;
    std::this_thread::sleep_until(next);
    exit_code = kExitOk;
    try {
      model.take(asker.ask());
    } catch (const Failed& failed) {
      model.lose(failed.what());
      exit_code = failed.exit_code();
    }
    if (frame > 0) std::cout << '\n';
    const Now now{std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
    std::cout << batch_text(model, browser, browser.list(model.rows()), now);
    check_written();
  }
  return exit_code;
}

}  // namespace pulsed::ctl::top
