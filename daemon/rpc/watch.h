// A stream of news to one reader: never more than one message on its way, and none kept for later. What comes next is read
// from where all news are kept, when the reader has taken the last.
#pragma once

#include <grpc/grpc.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "daemon/rpc/allowance.h"
#include "daemon/rpc/watch_bell.h"

namespace pulsed::rpc {

// Lives as long as gRPC needs it: it holds itself.
template <typename Response>
class Watch : public grpc::ServerWriteReactor<Response>,
              public Sleeper,
              public std::enable_shared_from_this<Watch<Response>> {
 public:
  struct Setting {
    grpc::CallbackServerContext* context;
    WatchBell& bell;
    Allowance::Taken place;
  };

  explicit Watch(Setting setting) : setting_(std::move(setting)) {}

  // What gRPC is given. Once.
  grpc::ServerWriteReactor<Response>* begin() {
    self_ = this->shared_from_this();
    this->StartSendInitialMetadata();
    return this;
  }

  // From now on next() is asked. Once, on any thread, after begin.
  void open() { setting_.bell.add(this->shared_from_this()); }

  bool wake() final {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    if (!writing_) {
      go_on();
    } else if (auto status = too_slow()) {
      end(*status);
    }
    return !ended_;
  }

  void close() final {
    end_with(
        {grpc::StatusCode::UNAVAILABLE, "pulsed is stopping; what was seen can be resumed after"});
  }

  void end_with(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    if (!ended_) end(status);
  }

  void OnWriteDone(bool ok) final {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ended_) return;
    if (!ok) return end(grpc::Status::CANCELLED);
    go_on();
  }

  void OnCancel() final { end_with(grpc::Status::CANCELLED); }

  void OnDone() final { const auto last = std::exchange(self_, nullptr); }

 protected:
  struct Nothing {};  // for now
  struct Send {};     // the message that was filled in
  using Next = std::variant<Nothing, Send, grpc::Status>;

  // Each under the watch's lock.
  virtual Next next(Response& message) = 0;
  // Asked while a message is on its way: whether the reader has fallen behind for good.
  [[nodiscard]] virtual std::optional<grpc::Status> too_slow() const { return {}; }

 private:
  void go_on() {
    const Next found = next(message_);
    if (const auto* status = std::get_if<grpc::Status>(&found)) return end(*status);
    if (!std::holds_alternative<Send>(found)) return;
    writing_ = true;
    this->StartWrite(&message_);
  }

  void end(const grpc::Status& status) {
    ended_ = true;
    if (writing_) give_up_writing(status);
    this->Finish(status);
  }

  // A status waits behind what is on its way, so that a reader who takes nothing would never see it. This one goes ahead.
  void give_up_writing(const grpc::Status& status) {
    grpc_call_cancel_with_status(setting_.context->c_call(),
                                 static_cast<grpc_status_code>(status.error_code()),
                                 status.error_message().c_str(), nullptr);
  }

  Setting setting_;
  std::shared_ptr<Watch> self_;
  std::mutex mutex_;
  Response message_;
  bool writing_ = false;
  bool ended_ = false;
};

}  // namespace pulsed::rpc
