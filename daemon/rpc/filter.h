// Which services and classes a caller wants to see.
#pragma once

#include <string>
#include <string_view>

#include "daemon/rpc/field_fault.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::rpc {

class Filter {
 public:
  // Globs that are too long are faults.
  Filter(const v1::Filter& message, const FieldPath& path);

  [[nodiscard]] bool shows_service(std::string_view service) const;
  [[nodiscard]] bool shows_class(std::string_view service, std::string_view task_class) const;
  // What has no class is shown where no class is asked for.
  [[nodiscard]] bool shows_any_class() const { return class_.empty(); }

 private:
  std::string service_;
  std::string class_;
};

}  // namespace pulsed::rpc
