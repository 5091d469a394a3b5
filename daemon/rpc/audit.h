// A line for every change that somebody asked for, also for those that were refused.
#pragma once

#include <grpcpp/support/status.h>

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "daemon/log_budget.h"
#include "daemon/rpc/caller.h"

namespace pulsed::rpc {

// Thread-safe.
class Audit {
 public:
  explicit Audit(std::function<void(const std::string&)> write) : write_(std::move(write)) {}

  // uid 1000: Update, "for the sale": revision 42
  // uid 1000: Pin shop/render to warn: PERMISSION_DENIED: changes are made through ...
  // Of those without the right only so many a second are written: anybody can cause them.
  void note(const Caller& caller, std::string_view what, std::string_view comment,
            const grpc::Status& status, std::string_view result = {});

 private:
  const std::function<void(const std::string&)> write_;
  std::mutex mutex_;
  LogBudget refused_;
};

// Fit for one line of a log: quoted, UTF-8, what would mislead its reader escaped, not much above 1024 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);
// "ABORTED"
[[nodiscard]] std::string_view name(grpc::StatusCode code);

}  // namespace pulsed::rpc
