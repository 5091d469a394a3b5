// A stream that is followed until the user has seen enough, over restarts of the daemon.
//
//   Following following(connection);
//   while (following.run([&](grpc::ClientContext& context) {
//     ... for each message: following.stands(); ...
//     return reader->Finish();
//   }) != Following::Next::kEnd) {}
//   return kExitInterrupted;
#pragma once

#include <functional>

#include "daemon/ctl/connection.h"
#include "daemon/ctl/interruption.h"

namespace pulsed::ctl {

class Following {
 public:
  explicit Following(Connection& connection) : connection_(connection) {}

  enum class Next : std::uint8_t {
    kEnd,        // the user has seen enough
    kAgain,      // the daemon went away or dropped us, and a moment has passed: run it again
    kStartOver,  // what came after the last message is no longer known (OUT_OF_RANGE): ask for something else, and run again
  };
  // Runs the stream once. What no waiting mends is thrown as Failed, and so is a daemon that never was there.
  Next run(const std::function<grpc::Status(grpc::ClientContext&)>& stream);

  // The stream has said something: from now on the daemon is waited for. Says on stderr that it is back, if it was gone.
  void stands();

  [[nodiscard]] bool interrupted() const { return interruption_.happened(); }

 private:
  Next pause(int milliseconds);

  Connection& connection_;
  Interruption interruption_;
  bool stood_ = false;  // ever
  bool gone_ = false;   // and said so
};

}  // namespace pulsed::ctl
