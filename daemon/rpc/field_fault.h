// What is wrong with a message somebody sent, field by field.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace pulsed::rpc {

struct FieldFault {
  std::string field;  // "rules[2].set.poll_budget"; empty: the message as a whole
  std::string why;
  friend bool operator==(const FieldFault&, const FieldFault&) = default;
};

// "rules[2].set.poll_budget: 25h is outside 1ns to 24h"
[[nodiscard]] inline std::string text(const FieldFault& fault) {
  return fault.field.empty() ? fault.why : fault.field + ": " + fault.why;
}

// One line a fault. What says an error travels in HTTP/2 headers, which clients bound to 8 KiB: of more than 20 faults or
// 4 KiB the rest is counted.
[[nodiscard]] std::string text(const std::vector<FieldFault>& faults);

// A field's path and where its faults go.
class FieldPath {
 public:
  FieldPath(std::string path, std::vector<FieldFault>& faults)
      : path_(std::move(path)), faults_(&faults) {}

  [[nodiscard]] FieldPath of(std::string_view field) const {
    return {path_.empty() ? std::string(field) : path_ + "." + std::string(field), *faults_};
  }
  [[nodiscard]] FieldPath at(std::size_t index) const {
    return {path_ + "[" + std::to_string(index) + "]", *faults_};
  }
  void fault(std::string why) const { faults_->push_back({path_, std::move(why)}); }

 private:
  std::string path_;
  std::vector<FieldFault>* faults_;
};

}  // namespace pulsed::rpc
