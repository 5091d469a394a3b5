#include <cstdlib>
#include <filesystem>

#include "tests/bench/bin_dir.h"
#include "tests/bench/instructions/callgrind.h"
#include "tests/bench/suites.h"

namespace pulsed::bench {

void instructions_suite(const Effort& /*effort*/, Results& results) {
  const std::string program = bin_dir() + "/pulsed-instructions";
  try {
    if (!std::filesystem::exists(program))
      throw CannotCount("valgrind: not installed at the build");
    for (const Count& count : count_instructions(program)) {
      results.figures.push_back(
          {count.name + ", " + count.compiler, std::strtod(count.instructions.c_str(), nullptr), 0,
           "instructions", "", count.at_most ? Target::kAtMost : Target::kNone,
           static_cast<double>(count.at_most.value_or(0))});
    }
  } catch (const CannotCount& e) {
    results.absent.push_back(std::string("instruction counts: ") + e.what());
  }
}

}  // namespace pulsed::bench
