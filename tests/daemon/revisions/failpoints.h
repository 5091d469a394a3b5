// What the preloaded library of failpoints.c is to do to a daemon.
//
//   Failpoints failpoints;
//   DaemonProcess daemon({.environment = failpoints.environment()});
//   failpoints.kill_at(3, daemon.state_dir());   // before the third file system call there from now on
#pragma once

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.h"

namespace pulsed::test {

class Failpoints {
 public:
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> environment() const {
    return {{"LD_PRELOAD", PULSED_FAILPOINTS}, {"PULSED_FAILPOINTS", plan_file()}};
  }

  void count(const std::string& directory) { plan(0, "count", directory); }
  void kill_at(std::size_t call, const std::string& directory) { plan(call, "kill", directory); }
  void tear_at(std::size_t call, const std::string& directory) { plan(call, "torn", directory); }
  void fail_at(std::size_t call, int error, const std::string& directory) {
    plan(call, std::to_string(error), directory);
  }
  void fail_from(std::size_t call, int error, const std::string& directory) {
    plan(call, std::to_string(error) + "+", directory);
  }
  void off() { std::remove(plan_file().c_str()); }

  // The functions called since the last plan was made.
  [[nodiscard]] std::vector<std::string> calls() const {
    std::vector<std::string> names;
    std::ifstream file(plan_file() + ".calls");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      long id = 0;
      long number = 0;
      std::string name;
      if (words >> id >> number >> name && id == id_) names.push_back(name);
    }
    return names;
  }

 private:
  [[nodiscard]] std::string plan_file() const { return dir_.path() + "/plan"; }

  // At once, as the daemon may be reading.
  void plan(std::size_t call, const std::string& action, const std::string& directory) {
    std::ofstream(plan_file() + ".new")
        << ++id_ << ' ' << call << ' ' << action << ' ' << directory;
    std::rename((plan_file() + ".new").c_str(), plan_file().c_str());
  }

  TempDir dir_;
  long id_ = 0;
};

}  // namespace pulsed::test
