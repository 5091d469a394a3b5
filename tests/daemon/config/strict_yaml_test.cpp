#include "daemon/config/strict_yaml.h"

#include <doctest/doctest.h>

#include <string>

namespace pulsed::config {
namespace {

// All errors of parsing alone, a line each.
std::string faults(std::string_view yaml) {
  Diagnostics diagnostics("f");
  const auto root = parse_yaml(yaml, diagnostics);
  CHECK((root || !diagnostics.clean()));
  std::string out;
  for (const ConfigError& error : diagnostics.take()) out += text(error) + "\n";
  return out;
}

TEST_CASE("maps, lists and one-line scalars come with their positions") {
  Diagnostics diagnostics("f");
  const auto root = parse_yaml("# c\na: 1\nb:\n  c: [x, 'y']\n", diagnostics);
  REQUIRE(root);
  CHECK(diagnostics.clean());
  REQUIRE(root->entries.size() == 2);
  CHECK(root->entries[0].key == "a");
  CHECK(root->entries[0].at == Position{2, 1});
  CHECK(root->entries[0].value.at == Position{2, 4});
  const YamlNode& list = root->entries[1].value.entries[0].value;
  CHECK(list.kind == YamlNode::Kind::kList);
  CHECK(list.at == Position{4, 6});
  CHECK(list.items[1].at == Position{4, 10});
  CHECK(list.items[1].quoted);
}

TEST_CASE("an empty file is an empty map, and so is one of comments") {
  for (const char* yaml : {"", "\n\n", "# nothing\n", "\r\n"}) {
    CAPTURE(yaml);
    Diagnostics diagnostics("f");
    const auto root = parse_yaml(yaml, diagnostics);
    REQUIRE(root);
    CHECK(diagnostics.clean());
    CHECK(root->kind == YamlNode::Kind::kMap);
  }
}

TEST_CASE("a duplicate key is refused at its second place") {
  CHECK(faults("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n") ==
        "f:5:3: duplicate key `c`, first given in line 3\n"
        "f:6:1: duplicate key `a`, first given in line 1\n");
}

TEST_CASE("anchors, aliases and tags are refused") {
  CHECK(faults("a: &x 1\nb: *x\n") ==
        "f:1:4: anchors and aliases are not allowed; write the value out\n"
        "f:2:4: anchors and aliases are not allowed; write the value out\n");
  CHECK(faults("a: &x {b: 1}\n") ==
        "f:1:4: anchors and aliases are not allowed; write the value out\n");
  CHECK(faults("a: !!int 1\n") == "f:1:4: tags are not allowed\n");
  CHECK(faults("a: !x {b: 1}\n") == "f:1:4: tags are not allowed\n");
  CHECK(faults("a: ! x\n") == "f:1:4: tags are not allowed\n");
}

TEST_CASE("a second document is refused, and so is text that only looks like one") {
  const std::string why = "a second document begins here, or a line is indented wrongly\n";
  CHECK(faults("a: 1\n---\nb: 2\n") == "f:2:1: " + why);
  CHECK(faults("- a\nb: 1\n") == "f:2:1: " + why);
  CHECK(faults("{a: 1}\nb\n") == "f:2:1: " + why);
}

TEST_CASE("a value over several lines is refused, and so is a quote without end") {
  CHECK(faults("a: 1\n  b\n") == "f:1:4: a value must stand on one line\n");
  CHECK(faults("a: |\n  text\n") == "f:1:4: a value must stand on one line\n");
  CHECK(faults("a: \"x\nb: 2\n") == "f:1:4: the quote does not end on its line\n");
  CHECK(faults("a: 'x\n") == "f:1:4: the quote does not end on its line\n");
  CHECK(faults("a: 'it''s'\nb: \"a\\\"b\"\n").empty());
}

TEST_CASE("a key that is no text is refused") {
  CHECK(faults("? [a]\n: 1\n") == "f:1:3: a key must be plain text\n");
  CHECK(faults("{a: 1}: 2\n") == "f:1:1: a key must be plain text\n");
  CHECK(faults("~: 2\n") == "f:1:1: a key must be plain text\n");
}

TEST_CASE("what is no YAML is refused where the parser gave up") {
  CHECK(faults("a: b: c\n") == "f:1:5: not YAML: illegal map value\n");
  CHECK(faults("a: {b: 1\n").starts_with("f:2:1: not YAML: "));
  CHECK(faults("@a: 1\n") == "f:1:1: not YAML: unknown token\n");
}

TEST_CASE("bytes that are no plain text are refused at their place") {
  CHECK(faults(std::string("a: 1\nb: \0", 9)) == "f:2:4: a control character\n");
  CHECK(faults("a: 1\nb: \xFF\n") == "f:2:4: is not UTF-8 from here on\n");
  CHECK(faults("a: \xC3\xA9 \xC0\x80\n") == "f:1:7: is not UTF-8 from here on\n");
  CHECK(faults("\xEF\xBB\xBF"
               "a: 1\n") == "f:1:1: a byte order mark; save the file as UTF-8 without it\n");
  CHECK(faults("a: 1\rb: 2\n") == "f:1:5: a control character\n");
  CHECK(faults("a: 1\r\nb: 2\r\n").empty());
}

TEST_CASE("a file of 1 MiB is read, one byte more is refused") {
  std::string yaml = "a: 1\n#";
  yaml.resize(kMostBytes, 'x');
  CHECK(faults(yaml).empty());
  CHECK(faults(yaml + "x") == "f: is larger than 1 MiB\n");
}

TEST_CASE("sixteen levels are read, seventeen are refused") {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']') + "\n";
  };
  CHECK(faults(nested(kDeepest)).empty());
  CHECK(faults(nested(kDeepest + 1)) == "f:1:17: nested deeper than 16 levels\n");
  CHECK_FALSE(faults(std::string(kMostBytes, '[')).empty());
  CHECK_FALSE(faults(std::string(kMostBytes, '{')).empty());
}

TEST_CASE("twenty errors are told in the order of the file, the rest is counted") {
  Diagnostics diagnostics("f");
  const auto root = parse_yaml("{}", diagnostics);
  for (int i = 1; i <= 25; ++i) diagnostics.add({100 - i, 1}, "wrong");
  const auto errors = diagnostics.take();
  REQUIRE(errors.size() == 21);
  CHECK(errors[0].at.line == 80);
  CHECK(errors[19].at.line == 99);
  CHECK(text(errors[20]) == "f: and 5 more errors");
}

// One key `v`, read by `read_value`; what it gave, or the errors.
template <typename Read>
std::string reading(const std::string& yaml, Read read_value) {
  Diagnostics diagnostics("f");
  const auto root = parse_yaml(yaml, diagnostics);
  REQUIRE(root);
  MapReader map(*root, "the file", diagnostics);
  if (const YamlNode* node = map.take("v")) read_value(Field{*node, "v", diagnostics});
  map.finish();
  std::string out;
  for (const ConfigError& error : diagnostics.take()) out += text(error) + "\n";
  return out;
}

TEST_CASE("an unknown key, a null and a wrong root name their place") {
  const auto ignore = [](const Field&) {};
  CHECK(reading("V: 1\n", ignore) == "f:1:1: unknown key `V` in the file; did you mean `v`?\n");
  CHECK(reading("v: 1\nother: 2\n", ignore) == "f:2:1: unknown key `other` in the file\n");
  CHECK(reading("v:\n", ignore) == "f:1:1: `v` has no value; give one or leave it out\n");
  CHECK(reading("v: ~\n", ignore) == "f:1:1: `v` has no value; give one or leave it out\n");
  CHECK(reading("- 1\n", ignore) ==
        "f:1:1: the file: expected a map of `key: value`, found a list\n");
  CHECK(reading("--- ~\n", ignore) ==
        "f:1:5: the file: expected a map of `key: value`, found nothing\n");
}

TEST_CASE("a range holds at both ends and says itself beyond") {
  const auto duration = [](const Field& field) {
    (void)read(field, Range<Duration>{Duration{10}, Duration{20}});
  };
  CHECK(reading("v: 10ns\n", duration).empty());
  CHECK(reading("v: 20ns\n", duration).empty());
  CHECK(reading("v: 9ns\n", duration) == "f:1:4: `v`: `9ns` is out of range; from 10ns to 20ns\n");
  CHECK(reading("v: 21ns\n", duration) ==
        "f:1:4: `v`: `21ns` is out of range; from 10ns to 20ns\n");
  const auto count = [](const Field& field) { (void)read(field, Range<std::uint32_t>{2, 3}); };
  CHECK(reading("v: 2\n", count).empty());
  CHECK(reading("v: 3\n", count).empty());
  CHECK(reading("v: 1\n", count) == "f:1:4: `v`: `1` is out of range; from 2 to 3\n");
  CHECK(reading("v: 4294967298\n", count) ==
        "f:1:4: `v`: `4294967298` is out of range; from 2 to 3\n");
}

TEST_CASE("a share lies above 0 and reaches 1") {
  const auto share = [](const Field& field) { (void)read_share(field); };
  CHECK(reading("v: 1\n", share).empty());
  CHECK(reading("v: 0.001\n", share).empty());
  CHECK(reading("v: 0\n", share) == "f:1:4: `v`: `0` is out of range; above 0, at most 1\n");
  CHECK(reading("v: 1.01\n", share) == "f:1:4: `v`: `1.01` is out of range; above 0, at most 1\n");
}

TEST_CASE("a value of another type names both types") {
  const auto count = [](const Field& field) { (void)read(field, Range<std::uint32_t>{2, 3}); };
  CHECK(reading("v: [2]\n", count) == "f:1:4: `v`: expected a whole number, found a list\n");
  CHECK(reading("v: {a: 2}\n", count) == "f:1:4: `v`: expected a whole number, found a map\n");
  CHECK(reading("v: '2'\n", count) ==
        "f:1:4: `v`: expected a whole number, found text in quotes\n");
  const auto list = [](const Field& field) { (void)read_list(field); };
  CHECK(reading("v: 2\n", list) == "f:1:4: `v`: expected a list, found a single value\n");
  const auto text_value = [](const Field& field) { (void)read_text(field, 3); };
  CHECK(reading("v: abc\n", text_value).empty());
  CHECK(reading("v: abcd\n", text_value) == "f:1:4: `v`: is longer than 3 bytes\n");
  CHECK(reading("v: ''\n", text_value) == "f:1:4: `v`: is empty; leave it out instead\n");
  CHECK(reading("v: \"a\\nb\"\n", text_value) ==
        "f:1:4: `v`: has a control character or a byte order mark\n");
}

}  // namespace
}  // namespace pulsed::config
