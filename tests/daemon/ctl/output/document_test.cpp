#include "daemon/ctl/output/document.h"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include "daemon/ctl/output/message_text.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::ctl {

TEST_CASE("YAML nests by two, and texts stand in quotes") {
  const Document document{
      {"a", 1}, {"b", {{"c", "yes: no"}, {"d", Document::array()}}}, {"e", {1, "two"}}};
  CHECK(document_text(document, Format::kYaml) ==
        "a: 1\nb:\n  c: \"yes: no\"\n  d: []\ne:\n  - 1\n  - \"two\"\n");
}

TEST_CASE("a list of records reads back as it was, from JSON and from YAML") {
  const Document document{
      {{"name", "x\n\"y\""}, {"none", nullptr}, {"list", {{{"k", true}}, {{"k", 1.5}}}}},
      {{"name", "#"}}};
  CHECK(Document::parse(document_text(document, Format::kJson)) == document);
  const YAML::Node read = YAML::Load(document_text(document, Format::kYaml));
  CHECK(read.size() == 2);
  CHECK(read[0]["name"].as<std::string>() == "x\n\"y\"");
  CHECK(read[0]["none"].IsNull());
  CHECK(read[0]["list"][1]["k"].as<double>() == 1.5);
  CHECK(read[1]["name"].as<std::string>() == "#");
}

TEST_CASE("nothing is an empty list or map") {
  CHECK(document_text(Document::array(), Format::kYaml) == "[]\n");
  CHECK(document_text(Document::object(), Format::kYaml) == "{}\n");
}

TEST_CASE("each record of a list has every key, unless what is not set is left out") {
  v1::ListServicesResponse response;
  response.add_services()->set_service("shop");
  const Document shown = Document::parse(message_text(response, Format::kJson));
  CHECK(shown["services"][0]["quarantined"] == false);
  CHECK(shown["services"][0]["in_flight_over_budget"] == "0");
  const Document left_out = Document::parse(message_text(response, Format::kJson, Unset::kLeftOut));
  CHECK(left_out["services"][0].size() == 1);
  CHECK(json_line(response, Unset::kLeftOut) == R"({"services":[{"service":"shop"}]})");
}

TEST_CASE("whatever texts hold, it is JSON and YAML without a control character, and reads back") {
  const std::string name = "a\x1b[2J\u009b2J\u0085\x7f\u202e\u2028\ufeff\uffff\n";
  const Document document{{"name", name}};
  for (const Format format : {Format::kJson, Format::kYaml}) {
    const std::string text = document_text(document, format);
    for (const char* control :
         {"\x1b", "\u009b", "\u0085", "\x7f", "\u202e", "\u2028", "\ufeff", "\uffff"}) {
      CHECK(text.find(control) == std::string::npos);
    }
    CHECK(YAML::Load(text)["name"].as<std::string>() == name);
  }
  CHECK(Document::parse(document_text(document, Format::kJson)) == document);
}

TEST_CASE("what is not UTF-8 is replaced") {
  CHECK(document_text(Document{{"file", "a\xff"}}, Format::kYaml) == "file: \"a\ufffd\"\n");
}

}  // namespace pulsed::ctl
