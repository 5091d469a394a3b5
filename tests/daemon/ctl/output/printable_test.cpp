#include "daemon/ctl/output/printable.h"

#include <doctest/doctest.h>

namespace pulsed::ctl {

TEST_CASE("control characters are not printed") {
  CHECK(printable("a\x1b[2Jb\nc\x7f") == "a?[2Jb?c?");
  CHECK(printable("a\u009b2Jb\u0085") == "a?2Jb?");
  CHECK(printable("größer \U0001f600") == "größer \U0001f600");
}

TEST_CASE("what hides, or turns the direction of writing, is not printed") {
  CHECK(printable("a\u202eb\u200bc\ufeffd\u2066e") == "a?b?c?d?e");
  CHECK(printable("\u00a0\u2010\u2027\ufffd") == "\u00a0\u2010\u2027\ufffd");
}

TEST_CASE("what is not UTF-8 is not printed, byte by byte") {
  CHECK(printable("a\xff\xfe") == "a??");
  CHECK(printable("\x9b") == "?");
  CHECK(printable("\xc0\x9b") == "??");       // overlong
  CHECK(printable("\xed\xa0\x80") == "???");  // a surrogate
  CHECK(printable("gr\xc3") == "gr?");        // cut off
}

TEST_CASE("of several lines the ends alone stay") {
  CHECK(printable_lines("a\n\x1b\u009b\r\n") == "a\n???\n");
}

TEST_CASE("in JSON what is not plain is escaped, and its layout stays") {
  CHECK(escaped_json("{\n \"a\u009b\": \"\x7f\ufeff\U000e0041é\"\n}") ==
        "{\n \"a\\u009b\": \"\\u007f\\ufeff\\udb40\\udc41é\"\n}");
}

}  // namespace pulsed::ctl
