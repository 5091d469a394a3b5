#include "deploy/demo/tasks.h"

namespace pulsed::demo {

Tasks::Tasks(bool bare, const std::string& run_dir) {
  if (bare) return;
  SessionOptions options;
  options.service = "pulsed-demo";
  options.run_dir = run_dir;
  session_.emplace(options);
  classes_ = {session_->task_class("demo/accept"), session_->task_class("demo/connection"),
              session_->task_class("demo/lookup"), session_->task_class("demo/report")};
}

ServedTask Tasks::open(boost::asio::io_context& context, TaskKind kind) {
  if (!session_) return ServedTask(context.get_executor());
  return {pulsed::asio::task_executor(context.get_executor(),
                                      session_->open(classes_[static_cast<std::size_t>(kind)])),
          classes_};
}

}  // namespace pulsed::demo
