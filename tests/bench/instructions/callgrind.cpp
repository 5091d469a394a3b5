#include "tests/bench/instructions/callgrind.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/bench/instructions/loops.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace pulsed::bench {
namespace {

namespace fs = std::filesystem;

constexpr char kTrigger[] = "desc: Trigger: Client Request: ";
constexpr char kPart[] = "part: ";
constexpr char kThread[] = "thread: ";
constexpr char kTotals[] = "totals: ";
constexpr char kSeparator = '|';

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, kSeparator);) parts.push_back(part);
  return parts;
}

template <typename Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || last != end) return {};
  return value;
}

// A loop's two lengths.
struct Slope {
  const Dump* one = nullptr;
  const Dump* other = nullptr;

  [[nodiscard]] std::int64_t rounds() const {
    return static_cast<std::int64_t>(other->label.length - one->label.length);
  }
  [[nodiscard]] std::int64_t instructions() const {
    return static_cast<std::int64_t>(other->instructions - one->instructions);
  }
};

Slope slope_of(const std::vector<Dump>& dumps, const Label& label, bool with) {
  Slope slope;
  for (const Dump& dump : dumps) {
    if (dump.label.name != label.name || dump.label.compiler != label.compiler) continue;
    if (dump.label.with != with) continue;
    (slope.one == nullptr ? slope.one : slope.other) = &dump;
  }
  return slope;
}

std::string per_round(std::int64_t instructions, std::int64_t rounds) {
  char text[32];
  if (instructions % rounds == 0) return std::to_string(instructions / rounds);
  std::snprintf(text, sizeof(text), "%.3f",
                static_cast<double>(instructions) / static_cast<double>(rounds));
  std::string trimmed = text;
  trimmed.erase(trimmed.find_last_not_of('0') + 1);
  return trimmed;
}

Count count_of(const std::vector<Dump>& dumps, const Label& label) {
  const Slope with = slope_of(dumps, label, true), without = slope_of(dumps, label, false);
  if (with.other == nullptr || with.rounds() == 0) {
    throw std::runtime_error(label.name + ": not counted in two lengths");
  }
  std::int64_t beyond = with.instructions();
  if (without.other != nullptr) {
    if (without.rounds() != with.rounds()) {
      throw std::runtime_error(label.name + ": the loop without it has other lengths");
    }
    beyond -= without.instructions();
  }
  return {label.name, label.compiler, per_round(beyond, with.rounds()), label.at_most};
}

bool installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// By their part numbers, which callgrind deals in order; the names of the files sort otherwise.
std::vector<Dump> read_dumps(const std::string& directory) {
  std::vector<std::pair<std::uint64_t, Dump>> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    std::ifstream file(entry.path());
    std::uint64_t part = 0;
    for (std::string line; part == 0 && std::getline(file, line);) {
      if (line.starts_with(kPart)) part = number<std::uint64_t>(line.substr(6)).value_or(0);
    }
    if (std::optional<Dump> dump = read_dump(file)) found.emplace_back(part, std::move(*dump));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Dump> dumps;
  for (auto& [part, dump] : found) dumps.push_back(std::move(dump));
  return dumps;
}

}  // namespace

std::string Label::text() const {
  return name + kSeparator + compiler + kSeparator + (at_most ? std::to_string(*at_most) : "-") +
         kSeparator + (with ? "with" : "without") + kSeparator + std::to_string(length);
}

std::optional<Label> Label::parse(const std::string& text) {
  const std::vector<std::string> parts = split(text);
  if (parts.size() != 5) return {};
  const auto length = number<std::uint64_t>(parts[4]);
  if (!length) return {};
  return Label{parts[0], parts[1], number<int>(parts[2]), parts[3] == "with", *length};
}

std::optional<Dump> read_dump(std::istream& file) {
  std::optional<Label> label;
  std::optional<std::uint64_t> instructions;
  bool main_thread = false;
  for (std::string line; std::getline(file, line);) {
    const auto value = [&line](const std::string& key) { return line.substr(key.size()); };
    if (line.starts_with(kTrigger)) label = Label::parse(value(kTrigger));
    if (line.starts_with(kThread)) main_thread = value(kThread) == "1";
    if (line.starts_with(kTotals)) instructions = number<std::uint64_t>(value(kTotals));
  }
  if (!main_thread || !label || !instructions) return {};
  return Dump{std::move(*label), *instructions};
}

std::vector<Count> counts_of(const std::vector<Dump>& dumps) {
  std::vector<Count> counts;
  for (const Dump& dump : dumps) {
    const bool known = std::any_of(counts.begin(), counts.end(), [&](const Count& c) {
      return c.name == dump.label.name && c.compiler == dump.label.compiler;
    });
    if (!known) counts.push_back(count_of(dumps, dump.label));
  }
  return counts;
}

std::vector<Count> count_instructions(const std::string& program) {
  constexpr test::milliseconds kDeadline{40'000};
  if (!installed("valgrind")) throw CannotCount("valgrind: not installed");
  const test::TempDir dir;
  const std::string dumps = dir.path() + "/dumps";
  fs::create_directory(dumps);
  // Through a shell, as Debian's valgrind is a script and is looked for in PATH.
  test::Process process(
      {"/bin/sh",
       {"-c", R"(exec valgrind "$@")", "sh", "--tool=callgrind", "--separate-threads=yes",
        "--callgrind-out-file=" + dumps + "/dump", program, "--loops"},
       {},
       dir.path() + "/output"});
  const std::optional<test::Ended> ended = process.wait_end(kDeadline);
  if (!ended) throw std::runtime_error("callgrind did not end in time:\n" + process.output());
  if (*ended == test::Ended{kCannotCount, 0}) throw CannotCount(process.output());
  if (*ended != test::Ended{}) throw std::runtime_error("callgrind failed:\n" + process.output());
  std::vector<Count> counts = counts_of(read_dumps(dumps));
  if (counts.empty()) throw std::runtime_error("callgrind dumped nothing:\n" + process.output());
  return counts;
}

}  // namespace pulsed::bench
