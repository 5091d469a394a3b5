// Where the demo meets pulsed: these two files, and no other, know the shim. What a service of your
// own changes is this.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <pulsed/asio.hpp>
#include <pulsed/shim.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "deploy/demo/task_kind.h"

namespace pulsed::demo {

using TaskClasses = std::array<TaskClass, kTaskKinds>;  // by TaskKind

// A task, or with --bare merely the executor it would have run on.
class ServedTask {
 public:
  using TaskExecutor = pulsed::asio::task_executor<boost::asio::io_context::executor_type>;

  explicit ServedTask(boost::asio::any_io_executor bare) : executor_(std::move(bare)) {}
  ServedTask(TaskExecutor executor, const TaskClasses& classes)
      : executor_(executor), task_(std::move(executor)), classes_(&classes) {}

  // What to spawn coroutines on so that they are polls of this task.
  [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }

  // From now on, the poll in flight included: which route it serves is known only once the request
  // is read.
  void become(TaskKind kind) {
    if (task_) task_->task().set_class((*classes_)[static_cast<std::size_t>(kind)]);
  }

  // The daemon keeps its polls on the isolation pool.
  [[nodiscard]] bool isolated() const { return task_ && task_->task().isolated(); }

 private:
  boost::asio::any_io_executor executor_;
  std::optional<TaskExecutor> task_;
  const TaskClasses* classes_ = nullptr;
};

// Opens the tasks of the service. Outlives them and the io_context they run on. Thread-safe.
class Tasks {
 public:
  // `run_dir` as in SessionOptions. With `bare` nothing of pulsed is ever called.
  Tasks(bool bare, const std::string& run_dir);

  [[nodiscard]] ServedTask open(boost::asio::io_context& context, TaskKind kind);

 private:
  std::optional<Session> session_;
  TaskClasses classes_{};
};

// After the context has stopped: until no task runs on it.
inline void wait_for_tasks(boost::asio::io_context& context) { pulsed::asio::quiesce(context); }

// What a loop of heavy work asks between two steps: `if (asked_to_yield()) co_await yield();`
[[nodiscard]] inline bool asked_to_yield() { return pulsed::should_yield(); }
[[nodiscard]] inline auto yield() { return pulsed::asio::yield_now(); }

}  // namespace pulsed::demo
