#include "daemon/ctl/output/table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

namespace pulsed::ctl {
namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

Table shop() {
  Table table({{"SERVICE"}, {"TASKS", Align::kRight}, {"CLASS"}, {"AGE", Align::kRight, 1}});
  table.add({"shop", "3", "checkout/pay-with-a-voucher", "1.2s"});
  table.add({"mail", "12345", "", "800ms"});
  return table;
}

}  // namespace

TEST_CASE("columns are as wide as their widest cell, and numbers stand to the right") {
  CHECK(shop().text({}) ==
        "SERVICE  TASKS  CLASS                          AGE\n"
        "shop         3  checkout/pay-with-a-voucher   1.2s\n"
        "mail     12345  -                            800ms\n");
}

TEST_CASE("what is no terminal gets everything, however long") {
  Table table({{"NAME"}});
  table.add({std::string(5000, 'x')});
  CHECK(lines(table.text({}))[1].size() == 5000);
}

TEST_CASE("a narrow terminal does without spare columns first, and they are named") {
  const auto text = lines(shop().text({.width = 46}));
  CHECK(text[0] == "SERVICE  TASKS  CLASS");
  CHECK(text[1].find("checkout/pay-with-a-voucher") != std::string::npos);
  CHECK(text.back() == "No room for AGE.");
}

TEST_CASE("no line is wider than the terminal while a column can be cut") {
  for (std::size_t width = 28; width < 60; ++width) {
    for (const std::string& line : lines(shop().text({.width = width}))) {
      INFO(width << ": " << line);
      CHECK(display_width(line) <= width);
    }
  }
  CHECK(lines(shop().text({.width = 28}))[1] == "shop         3  checkout/pa…");
}

TEST_CASE("a header is never repeated, and an empty table is its header") {
  Table table({{"A"}, {"B"}});
  CHECK(table.empty());
  CHECK(table.text({}) == "A  B\n");
}

TEST_CASE("colours take no room") {
  Table table({{"TIER"}, {"N", Align::kRight}});
  table.add({{"isolate", Ink::kRed}, "1"});
  std::string coloured = table.text({.color = true});
  CHECK(coloured.find("\x1b[31misolate\x1b[0m  1\n") != std::string::npos);
  for (std::size_t at = coloured.find('\x1b'); at != std::string::npos;
       at = coloured.find('\x1b')) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  CHECK(coloured == table.text({}));
}

TEST_CASE("names are cut between characters") {
  CHECK(fitted("größer", 6) == "größer");
  CHECK(fitted("größer", 4) == "grö…");
  CHECK(fitted("abc", 1) == "…");
  CHECK(fitted("abc", 0).empty());
  CHECK(display_width("größer") == 6);
}

}  // namespace pulsed::ctl
