#include "shared_memory/class_name.h"

#include <doctest/doctest.h>

#include <string>

namespace pulsed::shm {
namespace {

TEST_CASE("a class name has one to 55 bytes") {
  CHECK(valid_class_name("a"));
  CHECK(valid_class_name(std::string(55, 'x')));
  CHECK_FALSE(valid_class_name(""));
  CHECK_FALSE(valid_class_name(std::string(56, 'x')));
}

TEST_CASE("a class name may use all of Unicode") {
  CHECK(valid_class_name("checkout/render v2"));
  CHECK(valid_class_name("caf\u00e9/\u2615/\U0001f600"));
  CHECK(valid_class_name("\xc2\xa0"));          // the first after the control characters
  CHECK(valid_class_name("\xed\x9f\xbf"));      // the last before the surrogates
  CHECK(valid_class_name("\xee\x80\x80"));      // the first after them
  CHECK(valid_class_name("\xf4\x8f\xbf\xbf"));  // the last of all
}

TEST_CASE("a class name that is not UTF-8 is not valid") {
  CHECK_FALSE(valid_class_name("caf\xe9"));           // Latin-1
  CHECK_FALSE(valid_class_name("\xc3"));              // cut off
  CHECK_FALSE(valid_class_name("\xe2\x98"));          // cut off
  CHECK_FALSE(valid_class_name("\xe2\x98x"));         // broken off
  CHECK_FALSE(valid_class_name("\x80"));              // begins in the middle
  CHECK_FALSE(valid_class_name("\xc0\xaf"));          // overlong
  CHECK_FALSE(valid_class_name("\xe0\x9f\xbf"));      // overlong
  CHECK_FALSE(valid_class_name("\xf0\x8f\xbf\xbf"));  // overlong
  CHECK_FALSE(valid_class_name("\xed\xa0\x80"));      // a surrogate
  CHECK_FALSE(valid_class_name("\xf4\x90\x80\x80"));  // beyond Unicode
  CHECK_FALSE(valid_class_name("\xff"));
}

TEST_CASE("a class name has no control characters") {
  CHECK_FALSE(valid_class_name("tab\there"));
  CHECK_FALSE(valid_class_name("line\n"));
  CHECK_FALSE(valid_class_name(std::string_view("nul\0", 4)));
  CHECK_FALSE(valid_class_name("\x7f"));
  CHECK_FALSE(valid_class_name("\xc2\x85"));  // next line, of the upper control characters
}

}  // namespace
}  // namespace pulsed::shm
