#include "daemon/metrics/label.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

namespace pulsed::metrics {
namespace {

using namespace std::string_view_literals;

TEST_CASE("names in any script stay as they are") {
  for (const std::string_view name :
       {"checkout/render"sv, ""sv, "a b"sv, "quote\" back\\slash"sv, "line\nend"sv, "Überweisung"sv,
        "支払い/描画"sv, "оплата"sv, "🦀"sv, "\U0010FFFF"sv,
        "\u0080\u07FF\u0800\uD7FF\uE000"sv}) {
    CAPTURE(name);
    CHECK(label_value(name) == name);
  }
}

TEST_CASE("control characters become their hex after a replacement character") {
  CHECK(label_value("a\0b"sv) == "a\uFFFD00b");
  CHECK(label_value("\r\t\x1b\x7f") == "\uFFFD0d\uFFFD09\uFFFD1b\uFFFD7f");
}

TEST_CASE("each byte that is not UTF-8 becomes its hex after a replacement character") {
  CHECK(label_value("\xff\xfe") == "\uFFFDff\uFFFDfe");
  CHECK(label_value("caf\xe9") == "caf\uFFFDe9");
  CHECK(label_value("\xc3") == "\uFFFDc3");
  CHECK(label_value("\xe2\x82") == "\uFFFDe2\uFFFD82");
  CHECK(label_value("\xe2\x82x") == "\uFFFDe2\uFFFD82x");
}

TEST_CASE("overlong forms, surrogates and what lies beyond Unicode are not UTF-8") {
  CHECK(label_value("\xc0\xaf") == "\uFFFDc0\uFFFDaf");
  CHECK(label_value("\xe0\x80\xaf") == "\uFFFDe0\uFFFD80\uFFFDaf");
  CHECK(label_value("\xed\xa0\x80") == "\uFFFDed\uFFFDa0\uFFFD80");
  CHECK(label_value("\xf0\x80\x80\xaf") == "\uFFFDf0\uFFFD80\uFFFD80\uFFFDaf");
  CHECK(label_value("\xf4\x90\x80\x80") == "\uFFFDf4\uFFFD90\uFFFD80\uFFFD80");
  CHECK(label_value("\xf5\x80\x80\x80") == "\uFFFDf5\uFFFD80\uFFFD80\uFFFD80");
}

TEST_CASE("different names never become one") {
  std::set<std::string> seen;
  std::size_t names = 0;
  const auto add = [&](std::string_view name) {
    ++names;
    seen.insert(label_value(name));
  };
  for (int a = 0; a < 256; ++a) {
    add(std::string(1, static_cast<char>(a)));
    for (int b = 0; b < 256; ++b) add(std::string{static_cast<char>(a), static_cast<char>(b)});
  }
  // What a replaced byte looks like, as a name of its own.
  for (const std::string_view name : {"\uFFFD"sv, "\uFFFDff"sv, "\uFFFDef\uFFFDbf\uFFFDbd"sv})
    add(name);
  CHECK(seen.size() == names);
}

}  // namespace
}  // namespace pulsed::metrics
