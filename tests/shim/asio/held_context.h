// An io_context whose threads a test holds in polls that end when it says so, with the daemon's hand
// on its spare workers.
#pragma once

#include <pulsed/asio.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "tests/shim/asio/watched_service.h"

namespace pulsed::test {

struct HeldContext : WatchedService {
  using WatchedService::release;
  asio::net::io_context ctx;
  asio::task_executor<asio::net::io_context::executor_type> ex{ctx.get_executor(),
                                                               session.open(cls)};

  // So that threads may run it before it has anything else to do; until release().
  std::optional<asio::detail::tracked_executor_t<asio::net::io_context>> work{
      asio::net::require(ctx.get_executor(), asio::net::execution::outstanding_work.tracked)};

  // Each holds a thread from when it runs until release().
  void hold(int polls = 1) {
    const int before = holding_;
    for (int i = 0; i < polls; ++i) {
      asio::net::post(ex, [this] {
        ++holding_;
        released_.wait(false);
        --holding_;
      });
    }
    wait_until([&] { return holding_ == before + polls; });
  }
  void release() {
    work.reset();
    let_go();
  }
  // The same, but the context has yet to end.
  void let_go() {
    released_ = true;
    released_.notify_all();
  }

  // Its threads are held, and as many spare workers run.
  void hold_and_wake(int threads) {
    hold(threads);
    wait_for_spares(static_cast<std::size_t>(threads));
    tell_spares(PULSED_SPARE_RUN);
  }

  // Runs f on a spare worker; its threads are held.
  template <typename F>
  void on_spare(F f) {
    std::promise<void> done;
    asio::net::post(ex, [&] {
      if (on_spare_thread()) f();
      done.set_value();
    });
    done.get_future().wait();
  }

  // Comes true once no spare worker runs the context; its threads are held.
  void wait_until_parked() {
    for (;;) {
      const auto probe = std::make_shared<std::atomic<bool>>(false);
      asio::net::post(ctx, [probe] { *probe = true; });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (!*probe) return;
    }
  }

 private:
  std::atomic<int> holding_{0};
  std::atomic<bool> released_{false};
};

}  // namespace pulsed::test
