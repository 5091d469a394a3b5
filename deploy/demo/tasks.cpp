#include "deploy/demo/tasks.h"

namespace pulsed::demo {

Tasks::Tasks(bool bare, const std::string& run_dir) {
  if (bare) return;
  SessionOptions options;
  options.service = "pulsed-demo";
  options.run_dir = run_dir;
  session_.emplace(options);
  constexpr std::array<const char*, kTaskKinds> kNames{
      "demo/accept", "demo/connection", "demo/lookup", "demo/price",
      "demo/report", "demo/export",     "demo/restock"};
  for (std::size_t i = 0; i < kTaskKinds; ++i) classes_[i] = session_->task_class(kNames[i]);
}

ServedTask Tasks::open(boost::asio::io_context& context, TaskKind kind) {
  if (!session_) return ServedTask(context.get_executor());
  return {pulsed::asio::task_executor(context.get_executor(),
                                      session_->open(classes_[static_cast<std::size_t>(kind)])),
          classes_};
}

}  // namespace pulsed::demo
