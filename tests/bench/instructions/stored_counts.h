// The counts that hold, in a file of the repository: a line each, with the compiler that they are of and a reason. What
// no compiler of the file made is not judged.
//
//   name | compiler | count | reason
#pragma once

#include <string>
#include <vector>

#include "tests/bench/instructions/callgrind.h"

namespace pulsed::bench {

struct StoredCount {
  std::string name;
  std::string compiler;
  std::string instructions;
  std::string reason;
};

enum class Standing { kAsStored, kDiffers, kNotStored, kUnknownCompiler };

class StoredCounts {
 public:
  // Throws std::runtime_error that says file and line where it is not as above.
  [[nodiscard]] static StoredCounts parse(const std::string& text, const std::string& file);
  [[nodiscard]] static StoredCounts load(const std::string& file);

  [[nodiscard]] Standing standing(const Count& count) const;
  // Null if there is none.
  [[nodiscard]] const StoredCount* find(const Count& count) const;
  // Stored of a compiler that these are of, of calls that are counted by none any more: one that this build compiles
  // with other flags is not gone.
  [[nodiscard]] std::vector<StoredCount> gone(const std::vector<Count>& counts) const;

  // Takes these for what holds; those that are not as stored get the reason.
  void accept(const std::vector<Count>& counts, const std::string& reason);
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] bool knows(const std::string& compiler) const;

  std::string head_;  // the comment above the lines
  std::vector<StoredCount> lines_;
};

}  // namespace pulsed::bench
