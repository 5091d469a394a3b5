#include "deploy/demo/routes.h"

#include <array>
#include <nlohmann/json.hpp>

namespace pulsed::demo {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRoutes =
    "GET /lookup?word=W, /price?word=W, /report, /export, /restock and /stats are what there is";

struct NamedRoute {
  std::string_view path;
  Route route;
};
constexpr std::array kWordRoutes{NamedRoute{"/lookup", Route::kLookup},
                                 NamedRoute{"/price", Route::kPrice}};
constexpr std::array kPlainRoutes{
    NamedRoute{"/report", Route::kReport}, NamedRoute{"/export", Route::kExport},
    NamedRoute{"/restock", Route::kRestock}, NamedRoute{"/stats", Route::kStats}};

std::string text_of(const Json& json) {
  // An excerpt may begin or end inside a UTF-8 sequence.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json json_of(const ReportResult& result) {
  return {{"bytes", result.bytes},
          {"compressed_bytes", result.compressed_bytes},
          {"words", result.words},
          {"distinct_words", result.distinct_words},
          {"longest_word", result.longest_word}};
}

std::string_view word_parameter(std::string_view query) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with("word=")) return pair.substr(5);
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

Target word_target(Route route, std::string_view path, std::string_view query) {
  const std::string_view value = word_parameter(query);
  if (value.empty() || value.size() > kMaxWordBytes) {
    return {
        Route::kBadRequest,
        {},
        std::string(path) + " needs ?word=W of 1 to " + std::to_string(kMaxWordBytes) + " letters"};
  }
  std::string word;
  for (const char c : value) {
    const char lower = static_cast<char>(c | 0x20);
    if (c < 'A' || lower < 'a' || lower > 'z') {
      return {Route::kBadRequest, {}, "a word may have the letters A to Z only"};
    }
    word.push_back(lower);
  }
  return {route, word, {}};
}

}  // namespace

Target parse_target(std::string_view target) {
  const std::size_t query = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, query);
  for (const auto& [name, route] : kWordRoutes) {
    if (path == name)
      return word_target(route, path, target.substr(std::min(query + 1, target.size())));
  }
  for (const auto& [name, route] : kPlainRoutes) {
    if (path == name) return {route, {}, {}};
  }
  return {Route::kUnknown, {}, std::string(kRoutes)};
}

std::string lookup_json(std::string_view word, const Lookup& found) {
  Json hits = Json::array();
  for (const Hit& hit : found.hits) {
    hits.push_back({{"paragraph", hit.paragraph}, {"score", hit.score}, {"excerpt", hit.excerpt}});
  }
  Json neighbours = Json::array();
  for (const Neighbour& neighbour : found.neighbours) {
    neighbours.push_back({{"word", neighbour.word}, {"count", neighbour.count}});
  }
  return text_of({{"word", word},
                  {"paragraphs", found.paragraphs},
                  {"hits", std::move(hits)},
                  {"neighbours", std::move(neighbours)}});
}

std::string price_json(std::string_view word, const Quote& quote) {
  return text_of({{"word", word},
                  {"cents", quote.cents},
                  {"stock", quote.stock},
                  {"revision", quote.revision}});
}

std::string report_json(const ReportResult& result) { return text_of(json_of(result)); }

std::string restock_json(const RestockResult& result) {
  return text_of({{"revision", result.revision}, {"report", json_of(result.report)}});
}

std::string stats_json(const Stats& stats) {
  return text_of({{"lookups", stats.lookups},
                  {"prices", stats.prices},
                  {"reports", stats.reports},
                  {"exports", stats.exports},
                  {"restocks", stats.restocks},
                  {"refused", stats.refused},
                  {"demoted_light_polls", stats.demoted_light_polls},
                  {"begun_demoted_light_polls", stats.begun_demoted_light_polls},
                  {"isolated_light_polls", stats.isolated_light_polls}});
}

std::string error_json(std::string_view error) { return text_of({{"error", error}}); }

}  // namespace pulsed::demo
