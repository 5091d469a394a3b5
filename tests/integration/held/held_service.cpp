#include "tests/integration/held/held_service.h"

#include <stdexcept>

namespace pulsed::test {

using nlohmann::json;

HeldService::HeldService(const std::string& run_dir, const HeldServiceOptions& options)
    : process_({PULSED_BIN_DIR "/tests/integration_held_service",
                {run_dir, "shop", std::to_string(options.workers),
                 std::to_string(options.isolation_workers), options.priority},
                {},
                {},
                options.user,
                {}}) {}

json HeldService::tell(const std::string& command, milliseconds deadline) {
  process_.write_line(command);
  json answer = json::parse(process_.read_line(deadline));
  if (answer.contains("error")) throw std::runtime_error(answer["error"].get<std::string>());
  return answer;
}

void HeldService::light(unsigned a_second, bool with_lock) {
  tell("light " + std::to_string(a_second) + (with_lock ? " lock" : ""));
}

void HeldService::endless(const std::string& cls, unsigned count) {
  tell("endless " + cls + " " + std::to_string(count));
}

void HeldService::endless_anywhere(const std::string& cls, unsigned count) {
  tell("endless " + cls + " " + std::to_string(count) + " anywhere");
}

void HeldService::isolated(const std::string& cls, unsigned count) {
  tell("isolated " + cls + " " + std::to_string(count));
}

void HeldService::burn_chains(const std::string& cls, unsigned count, long least_us, long most_us) {
  tell("chain " + cls + " burn " + std::to_string(count) + " " + std::to_string(least_us) + " " +
       std::to_string(most_us));
}

void HeldService::io_chains(const std::string& cls, unsigned count, long least_us, long most_us) {
  tell("chain " + cls + " io " + std::to_string(count) + " " + std::to_string(least_us) + " " +
       std::to_string(most_us));
}

double HeldService::hold_lock(const std::string& cls, int rounds, long burn_us,
                              milliseconds deadline) {
  const json held =
      tell("hold " + cls + " " + std::to_string(rounds) + " " + std::to_string(burn_us), deadline);
  return held.at("longest_us").get<double>() / 1000;
}

json HeldService::scripted(const std::string& cls, const std::string& script) {
  return tell("scripted " + cls + " " + script);
}

std::vector<double> HeldService::late_ms() {
  const json late = tell("late");
  std::vector<double> all;
  for (const json& us : late.at("us")) all.push_back(us.get<double>() / 1000);
  return all;
}

}  // namespace pulsed::test
