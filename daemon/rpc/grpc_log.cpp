#include <grpc/support/log.h>

#include <chrono>
#include <mutex>
#include <string>

#include "daemon/log_budget.h"
#include "daemon/rpc/audit.h"
#include "daemon/rpc/grpc_server.h"

namespace pulsed::rpc {
namespace {

// gRPC takes a plain function, one for the process.
struct Sink {
  std::mutex mutex;
  const std::function<void(const std::string&)>* warn = nullptr;
  LogBudget lines;
};

Sink& sink() {
  static Sink the_sink;
  return the_sink;
}

void forward(gpr_log_func_args* args) {
  Sink& to = sink();
  const std::lock_guard lock(to.mutex);
  if (to.warn == nullptr || !to.lines.take(std::chrono::steady_clock::now().time_since_epoch())) {
    return;
  }
  // Peers can have a say in it.
  (*to.warn)("gRPC: " + in_quotes(args->message) + to.lines.left_out());
}

}  // namespace

void redirect_grpc_log(const std::function<void(const std::string&)>* warn) {
  Sink& to = sink();
  const std::lock_guard lock(to.mutex);
  to.warn = warn;
  gpr_set_log_function(forward);
}

}  // namespace pulsed::rpc
