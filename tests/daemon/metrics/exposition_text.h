// A reader of the Prometheus text format, as strict as the tests need. Throws std::runtime_error
// with the line that is wrong.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pulsed::metrics {

struct TextSample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct TextFamily {
  std::string name;
  std::string help;
  std::string type;
  std::vector<TextSample> samples;
};

class ExpositionReader {
 public:
  // Families in the order of the text; samples belong to the family before them.
  static std::vector<TextFamily> read(std::string_view text) {
    ExpositionReader reader;
    if (!text.ends_with('\n')) throw std::runtime_error("the last line does not end");
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      reader.line_ = text.substr(0, end);
      reader.rest_ = reader.line_;
      reader.read_line();
      text.remove_prefix(end + 1);
    }
    return reader.families_;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(why + " in: " + std::string(line_));
  }
  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }
  void need(std::string_view prefix) {
    if (!take(prefix)) fail("no '" + std::string(prefix) + "' where one belongs");
  }
  std::string word() {
    const std::size_t end = rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
    const std::string name(rest_.substr(0, end));
    if (name.empty()) fail("no name where one belongs");
    rest_.remove_prefix(name.size());
    return name;
  }
  void read_line() {
    if (take("# HELP ")) {
      families_.push_back({.name = word()});
      need(" ");
      families_.back().help = rest_;
    } else if (take("# TYPE ")) {
      if (families_.empty() || families_.back().name != word()) fail("a type without help");
      need(" ");
      families_.back().type = rest_;
    } else {
      read_sample();
    }
  }
  void read_sample() {
    TextSample sample{.name = word()};
    if (families_.empty() || !sample.name.starts_with(families_.back().name)) fail("no family");
    if (take("{")) {
      do {
        const std::string label = word();
        need("=\"");
        if (!sample.labels.emplace(label, quoted()).second) fail("a label twice");
      } while (take(","));
      need("}");
    }
    need(" ");
    std::size_t read = 0;
    const std::string number(rest_);
    sample.value = std::stod(number, &read);
    if (read != number.size()) fail("something after the value");
    families_.back().samples.push_back(std::move(sample));
  }
  std::string quoted() {
    std::string value;
    while (!take("\"")) {
      if (take("\\n"))
        value += '\n';
      else if (take("\\\\"))
        value += '\\';
      else if (take("\\\""))
        value += '"';
      else if (rest_.empty() || rest_[0] == '\\')
        fail("a bad escape or no end of a value");
      else
        value += rest_[0], rest_.remove_prefix(1);
    }
    return value;
  }

  std::vector<TextFamily> families_;
  std::string_view line_;
  std::string_view rest_;
};

}  // namespace pulsed::metrics
