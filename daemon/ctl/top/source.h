// Where readings come from: asks the daemon each interval on a thread of its own, so that nobody who looks waits for it.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "daemon/ctl/connection.h"
#include "daemon/ctl/top/reading.h"

namespace pulsed::ctl::top {

// How long one call may take; --timeout may make it shorter.
inline constexpr std::chrono::seconds kCallTimeout{2};

// Asks MonitorService for one reading; throws Failed. `cancel` may come from another thread, and holds for good.
class Asker {
 public:
  explicit Asker(Endpoint endpoint);
  [[nodiscard]] Reading ask();
  void cancel();

 private:
  template <typename Request, typename Response>
  void call(grpc::Status (v1::MonitorService::StubInterface::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
            Response& response);

  Connection connection_;
  std::mutex mutex_;
  grpc::ClientContext* context_ = nullptr;  // of the call under way
  bool cancelled_ = false;
};

struct Lost {
  std::string why;
};
using News = std::variant<Reading, Lost>;

class Source {
 public:
  Source(Endpoint endpoint, std::chrono::milliseconds interval);
  ~Source();  // cancels what is under way
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Readable while there are news.
  [[nodiscard]] int fd() const { return fd_; }
  // The latest that were not taken yet; those before them are gone.
  [[nodiscard]] std::optional<News> take();
  // Takes effect at once: the next reading comes so long after the last one.
  void set_interval(std::chrono::milliseconds interval);

 private:
  void run();
  void publish(News news);
  // True: go on asking.
  [[nodiscard]] bool rest(SteadyTime asked_at, bool lost);

  Asker asker_;
  int fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::milliseconds interval_;
  std::optional<News> news_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace pulsed::ctl::top
