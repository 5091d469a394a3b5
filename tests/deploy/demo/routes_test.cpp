#include "deploy/demo/routes.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace pulsed::demo {
namespace {

TEST_CASE("a lookup names its word, in any case and anywhere in the query") {
  for (const char* target :
       {"/lookup?word=Warranty", "/lookup?x=1&word=WARRANTY", "/lookup?word=warranty&y"}) {
    CAPTURE(target);
    const Target parsed = parse_target(target);
    CHECK(parsed.route == Route::kLookup);
    CHECK(parsed.word == "warranty");
  }
}

TEST_CASE("a lookup without an acceptable word is a bad request that says what is wanted") {
  const std::string too_long = "/lookup?word=" + std::string(kMaxWordBytes + 1, 'a');
  for (const std::string& target :
       {std::string("/lookup"), std::string("/lookup?"), std::string("/lookup?word="),
        std::string("/lookup?word=a1"), std::string("/lookup?word=a%20b"),
        std::string("/lookup?words=a"), std::string("/lookup?word=[`"), too_long}) {
    CAPTURE(target);
    const Target parsed = parse_target(target);
    CHECK(parsed.route == Route::kBadRequest);
    CHECK(!parsed.error.empty());
  }
  CHECK(parse_target("/lookup?word=" + std::string(kMaxWordBytes, 'a')).route == Route::kLookup);
}

TEST_CASE("a price names its word as a lookup does") {
  const Target parsed = parse_target("/price?word=Warranty");
  CHECK(parsed.route == Route::kPrice);
  CHECK(parsed.word == "warranty");
  const Target without = parse_target("/price");
  CHECK(without.route == Route::kBadRequest);
  CHECK(without.error.starts_with("/price needs"));
}

TEST_CASE("other targets are heavy work, the counts or unknown") {
  CHECK(parse_target("/report").route == Route::kReport);
  CHECK(parse_target("/report?again").route == Route::kReport);
  CHECK(parse_target("/export").route == Route::kExport);
  CHECK(parse_target("/restock").route == Route::kRestock);
  CHECK(parse_target("/stats").route == Route::kStats);
  for (const char* target : {"", "/", "/reports", "/exports", "report", "?", "*"})
    CHECK(parse_target(target).route == Route::kUnknown);
}

TEST_CASE("answers are JSON even where an excerpt cuts a character") {
  Lookup found;
  found.paragraphs = 1;
  found.hits.push_back({7, 1.5, "caf\xC3"});
  found.neighbours.push_back({"the", 3});
  const auto json = nlohmann::json::parse(lookup_json("work", found));
  CHECK(json["word"] == "work");
  CHECK(json["hits"][0]["paragraph"] == 7);
  CHECK(json["neighbours"][0]["count"] == 3);
  CHECK(nlohmann::json::parse(error_json("no \"such\" thing"))["error"] == "no \"such\" thing");
  CHECK(nlohmann::json::parse(report_json({.words = 5}))["words"] == 5);
  CHECK(nlohmann::json::parse(price_json("work", {.cents = 12}))["cents"] == 12);
  const auto restocked =
      nlohmann::json::parse(restock_json({.report = {.words = 5}, .revision = 2}));
  CHECK(restocked["revision"] == 2);
  CHECK(restocked["report"]["words"] == 5);
  const auto stats = nlohmann::json::parse(stats_json({.lookups = 4, .demoted_light_polls = 1}));
  CHECK(stats["lookups"] == 4);
  CHECK(stats["demoted_light_polls"] == 1);
}

}  // namespace
}  // namespace pulsed::demo
