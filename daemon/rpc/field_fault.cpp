#include "daemon/rpc/field_fault.h"

namespace pulsed::rpc {

std::string text(const std::vector<FieldFault>& faults) {
  constexpr std::size_t kMostFaults = 20;
  constexpr std::size_t kMostBytes = 4096;
  std::string out;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const std::string line = text(faults[i]);
    if (i == kMostFaults || (i > 0 && out.size() + line.size() > kMostBytes)) {
      return out + "\nand " + std::to_string(faults.size() - i) + " more";
    }
    out += (i > 0 ? "\n" : "") + line.substr(0, kMostBytes);
  }
  return out;
}

}  // namespace pulsed::rpc
