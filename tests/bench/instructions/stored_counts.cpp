#include "tests/bench/instructions/stored_counts.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace pulsed::bench {
namespace {

constexpr char kBetween[] = " | ";

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The reason may hold anything: it is what is left of the line.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> found;
  std::size_t begin = 0;
  for (std::size_t bar = line.find('|'); bar != std::string::npos && found.size() < 3;
       bar = line.find('|', begin)) {
    found.push_back(trimmed(line.substr(begin, bar - begin)));
    begin = bar + 1;
  }
  found.push_back(trimmed(line.substr(begin)));
  return found;
}

bool same_call(const StoredCount& stored, const Count& count) {
  return stored.name == count.name && stored.compiler == count.compiler;
}

bool is_gone(const StoredCount& line, const std::vector<Count>& counts) {
  const auto any = [&](auto&& same) { return std::any_of(counts.begin(), counts.end(), same); };
  return any([&](const Count& count) { return count.compiler == line.compiler; }) &&
         !any([&](const Count& count) { return count.name == line.name; });
}

}  // namespace

StoredCounts StoredCounts::parse(const std::string& text, const std::string& file) {
  StoredCounts all;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with('#')) {
      all.head_ += line + "\n";
      continue;
    }
    if (trimmed(line).empty()) continue;
    const std::vector<std::string> f = fields(line);
    if (f.size() != 4 || std::any_of(f.begin(), f.end(), [](auto& s) { return s.empty(); })) {
      throw std::runtime_error(file + ":" + std::to_string(number) +
                               ": expected name | compiler | count | reason");
    }
    all.lines_.push_back({f[0], f[1], f[2], f[3]});
  }
  return all;
}

StoredCounts StoredCounts::load(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("cannot read " + file);
  return parse({std::istreambuf_iterator<char>(stream), {}}, file);
}

bool StoredCounts::knows(const std::string& compiler) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const StoredCount& line) { return line.compiler == compiler; });
}

const StoredCount* StoredCounts::find(const Count& count) const {
  const auto found = std::find_if(lines_.begin(), lines_.end(),
                                  [&](const StoredCount& line) { return same_call(line, count); });
  return found == lines_.end() ? nullptr : &*found;
}

Standing StoredCounts::standing(const Count& count) const {
  if (const StoredCount* stored = find(count)) {
    return stored->instructions == count.instructions ? Standing::kAsStored : Standing::kDiffers;
  }
  return knows(count.compiler) ? Standing::kNotStored : Standing::kUnknownCompiler;
}

std::vector<StoredCount> StoredCounts::gone(const std::vector<Count>& counts) const {
  std::vector<StoredCount> missing;
  for (const StoredCount& line : lines_) {
    if (is_gone(line, counts)) missing.push_back(line);
  }
  return missing;
}

void StoredCounts::accept(const std::vector<Count>& counts, const std::string& reason) {
  std::vector<StoredCount> lines;
  for (const Count& count : counts) {
    const StoredCount* stored = find(count);
    const bool holds = stored != nullptr && stored->instructions == count.instructions;
    lines.push_back(
        {count.name, count.compiler, count.instructions, holds ? stored->reason : reason});
  }
  for (const StoredCount& line : lines_) {
    const bool counted = std::any_of(counts.begin(), counts.end(),
                                     [&](const Count& count) { return same_call(line, count); });
    if (!counted && !is_gone(line, counts)) lines.push_back(line);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const StoredCount& a, const StoredCount& b) {
    return a.compiler > b.compiler;
  });
  lines_ = std::move(lines);
}

std::string StoredCounts::text() const {
  std::array<std::size_t, 3> widths{};
  for (const StoredCount& line : lines_) {
    widths[0] = std::max(widths[0], line.name.size());
    widths[1] = std::max(widths[1], line.compiler.size());
    widths[2] = std::max(widths[2], line.instructions.size());
  }
  const auto spaces = [](std::size_t width, const std::string& text) {
    return std::string(width - text.size(), ' ');
  };
  std::string all = head_;
  for (const StoredCount& line : lines_) {
    all += line.name + spaces(widths[0], line.name) + kBetween + line.compiler +
           spaces(widths[1], line.compiler) + kBetween + spaces(widths[2], line.instructions) +
           line.instructions + kBetween + line.reason + "\n";
  }
  return all;
}

}  // namespace pulsed::bench
