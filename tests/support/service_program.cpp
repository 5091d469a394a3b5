#include "tests/support/service_program.h"

#include <algorithm>
#include <stdexcept>

namespace pulsed::test {

using nlohmann::json;

ServiceProgram::ServiceProgram(const std::string& run_dir, const ServiceOptions& options)
    : process_({PULSED_BIN_DIR "/tests/integration_service",
                {run_dir, options.name, std::to_string(options.workers),
                 std::to_string(options.isolation_workers)},
                {},
                {},
                options.user,
                {}}) {}

json ServiceProgram::tell(const std::string& command, milliseconds deadline) {
  process_.write_line(command);
  json answer = json::parse(process_.read_line(deadline));
  if (answer.contains("error")) throw std::runtime_error(answer["error"].get<std::string>());
  return answer;
}

void ServiceProgram::work(unsigned worker, const std::string& cls, std::uint64_t burn_us,
                          std::uint64_t gap_us, const std::string& manners) {
  tell("work " + std::to_string(worker) + " " + cls + " " + std::to_string(burn_us) + " " +
       std::to_string(gap_us) + " " + manners);
}

int ServiceProgram::churn(int sessions) {
  constexpr milliseconds kEach{50};
  const milliseconds deadline = milliseconds{20'000} + kEach * sessions;
  return tell("churn " + std::to_string(sessions), deadline).at("attached").get<int>();
}

std::uint64_t ServiceProgram::polls(const std::string& cls) {
  return counters().at("polls").value(cls, std::uint64_t{0});
}

std::uint64_t ServiceProgram::polls() {
  std::uint64_t all = 0;
  const json now = counters();
  for (const auto& [name, count] : now.at("polls").items()) all += count.get<std::uint64_t>();
  return all;
}

std::uint32_t ServiceProgram::directive(unsigned worker) {
  return counters().at("workers").at(worker).at("directive").get<std::uint32_t>();
}

bool ServiceProgram::asked_now(unsigned worker) {
  return counters().at("workers").at(worker).at("asked_now").get<bool>();
}

std::uint64_t ServiceProgram::longest_stall_us() {
  std::uint64_t longest = 0;
  const json now = counters();
  for (const json& worker : now.at("workers")) {
    longest = std::max(longest, worker.at("longest_stall_us").get<std::uint64_t>());
  }
  return longest;
}

std::vector<std::string> ServiceProgram::log() {
  return counters().at("log").get<std::vector<std::string>>();
}

}  // namespace pulsed::test
