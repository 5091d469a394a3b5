// Measures several loops in turns, so that whatever the machine does meanwhile befalls them all alike; a ratio is taken in
// each turn, and its median over the turns is the result.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pulsed::bench {

struct Loop {
  std::string name;
  std::uint64_t operations;               // a turn
  std::function<void()> run;              // that many; what is timed
  std::function<void()> prepare = [] {};  // before each turn, untimed
};

struct Summary {
  double median;
  double spread;  // half the distance between the quartiles
};

class Turns {
 public:
  Turns() = default;
  // The first turn of each loop warms up and is dropped.
  static Turns of(const std::vector<Loop>& loops, int turns);

  // Joins further turns of the same loops.
  void add(const Turns& more);

  [[nodiscard]] Summary ratio(const std::string& loop, const std::string& baseline) const;
  [[nodiscard]] Summary ns(const std::string& loop) const;  // an operation
  // What the loop costs beyond the baseline, in nanoseconds an operation.
  [[nodiscard]] Summary ns_beyond(const std::string& loop, const std::string& baseline) const;
  [[nodiscard]] Summary millions_per_second(const std::string& loop) const;

 private:
  [[nodiscard]] const std::vector<double>& times(const std::string& loop) const;

  std::vector<std::string> names_;
  std::vector<std::vector<double>> ns_;  // by loop, by turn: an operation
};

// Keeps the compiler from dropping or merging what a loop does.
inline void keep() { asm volatile("" ::: "memory"); }
inline void keep(std::uint64_t value) { asm volatile("" : : "r"(value) : "memory"); }

}  // namespace pulsed::bench
