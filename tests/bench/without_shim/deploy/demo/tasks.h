// The demo as it would be had nobody heard of pulsed: pulsed-demo-without is built with this in the place of
// deploy/demo/tasks.h and tasks.cpp, and neither includes nor links the shim. A baseline for the benchmarks: --bare, which
// pulsed-demo takes, still asks at run time whether there is a session. Here --bare and --run-dir mean nothing.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>

#include "deploy/demo/task_kind.h"

namespace pulsed::demo {

class ServedTask {
 public:
  explicit ServedTask(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }
  void become(TaskKind) {}
  [[nodiscard]] bool isolated() const { return false; }

 private:
  boost::asio::any_io_executor executor_;
};

class Tasks {
 public:
  Tasks(bool, const std::string&) {}

  [[nodiscard]] ServedTask open(boost::asio::io_context& context, TaskKind) {
    return ServedTask(context.get_executor());
  }
};

inline void wait_for_tasks(boost::asio::io_context&) {}

[[nodiscard]] constexpr bool asked_to_yield() { return false; }
[[nodiscard]] inline auto yield() { return boost::asio::post(boost::asio::use_awaitable); }

}  // namespace pulsed::demo
