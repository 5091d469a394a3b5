// pulsed-instructions: how many instructions each inline call and each sample costs, against those stored.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/bin_dir.h"
#include "tests/bench/instructions/callgrind.h"
#include "tests/bench/instructions/loops.h"
#include "tests/bench/instructions/stored_counts.h"

namespace {

using namespace pulsed::bench;

constexpr int kDiffers = 1;
constexpr char kHowToAccept[] =
    "To take these counts for what holds from now on, say why:\n"
    "  tests/bench/instructions/run --accept \"why they changed\"\n";

std::string said_of(const Count& count, const StoredCounts& stored) {
  switch (stored.standing(count)) {
    case Standing::kAsStored:
      return "as stored: " + stored.find(count)->reason;
    case Standing::kDiffers:
      return "DIFFERS: " + stored.find(count)->instructions + " are stored";
    case Standing::kNotStored:
      return "NOT STORED";
    case Standing::kUnknownCompiler:
      break;
  }
  return "not judged: nothing is stored for " + count.compiler;
}

void print(const std::vector<Count>& counts, const StoredCounts& stored) {
  std::size_t names = 0, compilers = 0;
  for (const Count& count : counts) {
    names = std::max(names, count.name.size());
    compilers = std::max(compilers, count.compiler.size());
  }
  for (const Count& count : counts) {
    std::printf("%-*s  %-*s %8s  %s\n", static_cast<int>(names), count.name.c_str(),
                static_cast<int>(compilers), count.compiler.c_str(), count.instructions.c_str(),
                said_of(count, stored).c_str());
  }
}

int judge(const std::vector<Count>& counts, const StoredCounts& stored) {
  const auto any = [&](Standing standing) {
    return std::any_of(counts.begin(), counts.end(),
                       [&](const Count& count) { return stored.standing(count) == standing; });
  };
  const std::vector<StoredCount> gone = stored.gone(counts);
  for (const StoredCount& line : gone) {
    std::printf("%s, %s: stored, but no longer counted\n", line.name.c_str(),
                line.compiler.c_str());
  }
  if (any(Standing::kDiffers) || any(Standing::kNotStored) || !gone.empty()) {
    std::printf("\n%s", kHowToAccept);
    return kDiffers;
  }
  return any(Standing::kAsStored) ? 0 : kCannotCount;
}

void accept(const std::vector<Count>& counts, StoredCounts stored, const std::string& reason,
            const std::string& file) {
  stored.accept(counts, reason);
  std::ofstream stream(file);
  stream << stored.text();
  if (!stream.flush()) throw std::runtime_error("cannot write " + file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--loops") return run_loops();
  CLI::App app{
      "Counts, by callgrind, the instructions that each inline call of the shim and each sample "
      "in\n"
      "the daemon costs, and compares them with the file. Exit status: 0 as stored, 1 they "
      "differ,\n"
      "77 they cannot be counted or judged here.",
      "pulsed-instructions"};
  std::string file;
  std::string reason;
  app.add_option("file", file, "the stored counts")->required()->check(CLI::ExistingFile);
  app.add_option("--accept", reason, "store the counts as they are, those that changed with this")
      ->type_name("REASON");
  CLI11_PARSE(app, argc, argv);
  try {
    StoredCounts stored = StoredCounts::load(file);
    const std::vector<Count> counts = count_instructions(bin_dir() + "/pulsed-instructions");
    if (!reason.empty()) {
      accept(counts, stored, reason, file);
      stored = StoredCounts::load(file);
    }
    print(counts, stored);
    return judge(counts, stored);
  } catch (const CannotCount& e) {
    std::printf("skipped: %s\n", e.what());
    return kCannotCount;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pulsed-instructions: %s\n", e.what());
    return 2;
  }
}
