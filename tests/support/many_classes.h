// Services of many classes, in this process, for tests of what grows with their number.
#pragma once

#include <pulsed/shim.hpp>

#include <memory>
#include <string>
#include <vector>

namespace pulsed::test {

// `many-0`, `many-1`, ... each with classes of its own (`many-0/0`, `many-0/1`, ...). Of each class one task stays open, was
// polled some times and waited for it. Throws std::runtime_error if a service is not attached within seconds.
class ManyClasses {
 public:
  static constexpr unsigned kPolls = 4;  // of each class

  ManyClasses(const std::string& run_dir, unsigned services, unsigned classes_each,
              const std::string& name = "many");

 private:
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Task> tasks_;  // closed before their sessions
};

}  // namespace pulsed::test
