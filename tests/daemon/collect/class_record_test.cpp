#include "daemon/collect/class_record.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace pulsed::collect {
namespace {

bool accepted(const std::string& name, std::uint32_t priority = PULSED_PRIORITY_NORMAL) {
  pulsed_class_record record{};
  record.priority = priority;
  record.name_length = static_cast<std::uint32_t>(name.size());
  std::memcpy(record.name, name.data(), std::min(name.size(), sizeof(record.name)));
  std::string read;
  policy::Priority read_priority{};
  const bool ok = read_class(record, read, read_priority);
  if (ok) CHECK(read == name);
  return ok;
}

TEST_CASE("a class name is 1 to 55 bytes") {
  CHECK_FALSE(accepted(""));
  CHECK(accepted("a"));
  CHECK(accepted(std::string(55, 'a')));
  CHECK_FALSE(accepted(std::string(56, 'a')));
}

TEST_CASE("a length beyond the record is refused without being read") {
  pulsed_class_record record{};
  record.name_length = UINT32_MAX;
  std::string name;
  policy::Priority priority{};
  CHECK_FALSE(read_class(record, name, priority));
}

TEST_CASE("a class name is UTF-8 without control characters") {
  CHECK(accepted("caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x9a\x80"));
  for (const char* bad :
       {"a\nb", "a\x7f", "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc2\x85"}) {
    CAPTURE(bad);
    CHECK_FALSE(accepted(bad));
  }
  CHECK_FALSE(accepted(std::string("a\0b", 3)));
}

TEST_CASE("a priority that does not exist is refused") {
  CHECK(accepted("a", PULSED_PRIORITY_LOW));
  CHECK_FALSE(accepted("a", PULSED_PRIORITY_COUNT));
}

}  // namespace
}  // namespace pulsed::collect
