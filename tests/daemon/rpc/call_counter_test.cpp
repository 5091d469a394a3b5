#include "daemon/rpc/call_counter.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

namespace pulsed::rpc {
namespace {

using grpc::StatusCode;

std::uint64_t count(const CallCounter& counter, const std::string& method,
                    const std::string& code) {
  std::uint64_t calls = 0;
  for (const CallCount& c : counter.counts()) {
    if (c.method == method && c.code == code) calls += c.calls;
  }
  return calls;
}

TEST_CASE("calls are counted by method and code") {
  CallCounter counter;
  counter.note("/pulsed.v1.PolicyService/Update", StatusCode::OK);
  counter.note("/pulsed.v1.PolicyService/Update", StatusCode::ABORTED);
  counter.note("/pulsed.v1.PolicyService/Update", StatusCode::ABORTED);
  counter.note("/grpc.health.v1.Health/Check", StatusCode::OK);
  CHECK(counter.counts().size() == 3);
  CHECK(count(counter, "PolicyService/Update", "OK") == 1);
  CHECK(count(counter, "PolicyService/Update", "ABORTED") == 2);
  CHECK(count(counter, "grpc.health.v1.Health/Check", "OK") == 1);
}

TEST_CASE("methods that callers make up are counted as other") {
  CallCounter counter;
  constexpr std::size_t kMethods = 1000;
  for (std::size_t i = 0; i < kMethods; ++i)
    counter.note("/made.up/" + std::to_string(i), StatusCode::UNIMPLEMENTED);
  const std::vector<CallCount> counts = counter.counts();
  CHECK(counts.size() == 1);
  CHECK(count(counter, "other", "UNIMPLEMENTED") == kMethods);
}

// No call is lost, whatever threads they end on.
TEST_CASE("threads count into one") {
  CallCounter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i)
        counter.note("/pulsed.v1.MonitorService/GetStatus", StatusCode::OK);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(count(counter, "MonitorService/GetStatus", "OK") == 20'000);
}

}  // namespace
}  // namespace pulsed::rpc
