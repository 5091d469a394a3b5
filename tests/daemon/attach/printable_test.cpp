#include "daemon/attach/printable.h"

#include <doctest/doctest.h>

namespace pulsed::attach {
namespace {

TEST_CASE("what a peer calls itself is text, and stays on its line") {
  CHECK(printable("shop") == "shop");
  CHECK(printable("läden 東京") == "läden 東京");
  CHECK(printable("a\nb\x1b[2J\x7f") == "a?b?[2J?");
  CHECK(printable("\xC2\x9B"
                  "2J") == "??2J");
}

TEST_CASE("bytes that are no text become question marks, also of a letter that was cut") {
  CHECK(printable("\xFF\xFE") == "??");
  CHECK(printable("x\xC3") == "x?");
  CHECK(printable("\xE6\x9D") == "??");
  CHECK(printable("\xED\xA0\x80") == "???");
  CHECK(printable("") == "");
}

}  // namespace
}  // namespace pulsed::attach
