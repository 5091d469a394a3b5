#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <chrono>
#include <mutex>
#include <string>

#include "daemon/log_budget.h"
#include "daemon/rpc/audit.h"
#include "daemon/rpc/library_logs.h"

namespace pulsed::rpc {
namespace {

// The libraries take plain functions, one for the process.
struct Sink {
  std::mutex mutex;
  const std::function<void(const std::string&)>* warn = nullptr;
  LogBudget lines;
};

Sink& sink() {
  static Sink the_sink;
  return the_sink;
}

// Peers have a say in what it says: gRPC tells of handshakes, protobuf of text that is none.
void forward(const char* library, const std::string& message) {
  Sink& to = sink();
  const std::lock_guard lock(to.mutex);
  if (to.warn == nullptr || !to.lines.take(std::chrono::steady_clock::now().time_since_epoch())) {
    return;
  }
  (*to.warn)(library + (": " + in_quotes(message)) + to.lines.left_out());
}

void forward_grpc(gpr_log_func_args* args) { forward("gRPC", args->message); }

void forward_protobuf(google::protobuf::LogLevel /*level*/, const char* /*file*/, int /*line*/,
                      const std::string& message) {
  forward("protobuf", message);
}

}  // namespace

void redirect_library_logs(const std::function<void(const std::string&)>* warn) {
  Sink& to = sink();
  const std::lock_guard lock(to.mutex);
  to.warn = warn;
  gpr_set_log_function(forward_grpc);
  google::protobuf::SetLogHandler(forward_protobuf);
}

}  // namespace pulsed::rpc
