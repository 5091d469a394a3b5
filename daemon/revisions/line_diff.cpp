#include "daemon/revisions/line_diff.h"

#include <algorithm>
#include <vector>

namespace pulsed::revisions {
namespace {

using Lines = std::vector<std::string_view>;

// A step from the old lines to the new ones.
enum class Edit : char { kKeep = ' ', kRemove = '-', kAdd = '+' };
using Script = std::vector<Edit>;

constexpr std::size_t kContext = 3;

// Each with its newline, if it has one.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

// The furthest reaching points of d edits: for each diagonal x - y the largest x, in the words of the paper.
class Frontier {
 public:
  explicit Frontier(int edits) : edits_(edits), x_(2 * static_cast<std::size_t>(edits) + 1) {}
  int& operator[](int diagonal) { return x_[static_cast<std::size_t>(diagonal + edits_)]; }
  int operator[](int diagonal) const { return x_[static_cast<std::size_t>(diagonal + edits_)]; }

 private:
  int edits_;
  std::vector<int> x_;
};

// Whether the furthest path with `d` edits on this diagonal ends in a line added, so came from the diagonal above.
bool by_adding(const Frontier& before, int d, int diagonal) {
  return diagonal == -d || (diagonal != d && before[diagonal - 1] < before[diagonal + 1]);
}

Script backtrack(const std::vector<Frontier>& frontiers, int x, int y) {
  Script script;
  for (int d = static_cast<int>(frontiers.size()) - 1; d > 0; --d) {
    const Frontier& before = frontiers[static_cast<std::size_t>(d - 1)];
    const int diagonal = x - y;
    const bool added = by_adding(before, d, diagonal);
    const int came_from = added ? diagonal + 1 : diagonal - 1;
    const int start_x = before[came_from] + (added ? 0 : 1);
    script.insert(script.end(), static_cast<std::size_t>(x - start_x), Edit::kKeep);
    script.push_back(added ? Edit::kAdd : Edit::kRemove);
    x = before[came_from];
    y = x - came_from;
  }
  script.insert(script.end(), static_cast<std::size_t>(x), Edit::kKeep);
  std::reverse(script.begin(), script.end());
  return script;
}

Script replace_all(const Lines& from, const Lines& to) {
  Script script(from.size(), Edit::kRemove);
  script.insert(script.end(), to.size(), Edit::kAdd);
  return script;
}

Script fewest_edits(const Lines& from, const Lines& to) {
  const int n = static_cast<int>(from.size());
  const int m = static_cast<int>(to.size());
  const int most = std::min(n + m, static_cast<int>(kMostEdits));
  std::vector<Frontier> frontiers;
  for (int d = 0; d <= most; ++d) {
    Frontier now(d);
    for (int diagonal = -d; diagonal <= d; diagonal += 2) {
      int x = 0;
      if (d > 0) {
        const Frontier& before = frontiers.back();
        x = by_adding(before, d, diagonal) ? before[diagonal + 1] : before[diagonal - 1] + 1;
      }
      int y = x - diagonal;
      while (x < n && y < m &&
             from[static_cast<std::size_t>(x)] == to[static_cast<std::size_t>(y)]) {
        ++x;
        ++y;
      }
      now[diagonal] = x;
      if (x >= n && y >= m) {
        frontiers.push_back(std::move(now));
        return backtrack(frontiers, x, y);
      }
    }
    frontiers.push_back(std::move(now));
  }
  return replace_all(from, to);
}

Script script_of(const Lines& from, const Lines& to) {
  const auto heads = std::mismatch(from.begin(), from.end(), to.begin(), to.end());
  const auto prefix = static_cast<std::size_t>(heads.first - from.begin());
  const auto tails = std::mismatch(from.rbegin(), from.rend() - static_cast<long>(prefix),
                                   to.rbegin(), to.rend() - static_cast<long>(prefix));
  const Lines old_middle(heads.first, tails.first.base());
  const Lines new_middle(heads.second, tails.second.base());
  Script script(prefix, Edit::kKeep);
  const Script middle = fewest_edits(old_middle, new_middle);
  script.insert(script.end(), middle.begin(), middle.end());
  script.insert(script.end(), static_cast<std::size_t>(tails.first - from.rbegin()), Edit::kKeep);
  return script;
}

// A part of a script: changes with what is kept around them.
struct Hunk {
  std::size_t begin;
  std::size_t end;
};

std::vector<Hunk> hunks_of(const Script& script) {
  std::vector<Hunk> hunks;
  for (std::size_t i = 0; i < script.size(); ++i) {
    if (script[i] == Edit::kKeep) continue;
    const std::size_t begin = i - std::min(i, kContext);
    const std::size_t end = std::min(i + 1 + kContext, script.size());
    if (!hunks.empty() && begin <= hunks.back().end) {
      hunks.back().end = end;
    } else {
      hunks.push_back({begin, end});
    }
  }
  return hunks;
}

// "3,7"; an empty range stands after the line before it.
std::string range_text(std::size_t lines_before, std::size_t count) {
  const std::string first = std::to_string(count == 0 ? lines_before : lines_before + 1);
  return count == 1 ? first : first + "," + std::to_string(count);
}

// Prints hunks in their order, following both texts.
class Printer {
 public:
  Printer(const Script& script, const Lines& from, const Lines& to)
      : script_(script), from_(from), to_(to) {}

  [[nodiscard]] std::string print(const Hunk& hunk) {
    while (at_ < hunk.begin) step();
    const std::size_t from_before = from_at_;
    const std::size_t to_before = to_at_;
    std::string body;
    while (at_ < hunk.end) {
      const char sign = static_cast<char>(script_[at_]);
      const std::string_view line = step();
      body.append(1, sign).append(line);
      if (!line.ends_with('\n')) body += "\n\\ No newline at end of file\n";
    }
    return "@@ -" + range_text(from_before, from_at_ - from_before) + " +" +
           range_text(to_before, to_at_ - to_before) + " @@\n" + body;
  }

 private:
  std::string_view step() {
    const Edit edit = script_[at_++];
    std::string_view line;
    if (edit != Edit::kAdd) line = from_[from_at_++];
    if (edit != Edit::kRemove) line = to_[to_at_++];
    return line;
  }

  const Script& script_;
  const Lines& from_;
  const Lines& to_;
  std::size_t at_ = 0;
  std::size_t from_at_ = 0;
  std::size_t to_at_ = 0;
};

}  // namespace

std::string unified_diff(std::string_view from, std::string_view to, const std::string& from_name,
                         const std::string& to_name) {
  if (from == to) return {};
  const Lines old_lines = lines_of(from);
  const Lines new_lines = lines_of(to);
  const Script script = script_of(old_lines, new_lines);
  Printer printer(script, old_lines, new_lines);
  std::string out = "--- " + from_name + "\n+++ " + to_name + "\n";
  for (const Hunk& hunk : hunks_of(script)) out += printer.print(hunk);
  return out;
}

}  // namespace pulsed::revisions
