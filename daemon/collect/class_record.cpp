#include "daemon/collect/class_record.h"

#include <cstring>

#include "shared_memory/class_name.h"

namespace pulsed::collect {

bool read_class(const pulsed_class_record& shared, std::string& name, policy::Priority& priority) {
  pulsed_class_record record{};  // copied once, so that what is checked is what is used
  std::memcpy(&record, &shared, sizeof(record));
  if (record.name_length > PULSED_CLASS_NAME_MAX || record.priority >= PULSED_PRIORITY_COUNT) {
    return false;
  }
  const std::string_view claimed(record.name, record.name_length);
  if (!shm::valid_class_name(claimed)) return false;
  name = claimed;
  priority = static_cast<policy::Priority>(record.priority);
  return true;
}

}  // namespace pulsed::collect
