#include "deploy/demo/routes.h"

#include <nlohmann/json.hpp>

namespace pulsed::demo {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRoutes = "GET /lookup?word=W and GET /report are what there is";

std::string text_of(const Json& json) {
  // An excerpt may begin or end inside a UTF-8 sequence.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view word_parameter(std::string_view query) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with("word=")) return pair.substr(5);
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

Target lookup_target(std::string_view query) {
  const std::string_view value = word_parameter(query);
  if (value.empty() || value.size() > kMaxWordBytes) {
    return {Route::kBadRequest,
            {},
            "/lookup needs ?word=W of 1 to " + std::to_string(kMaxWordBytes) + " letters"};
  }
  std::string word;
  for (const char c : value) {
    const char lower = static_cast<char>(c | 0x20);
    if (c < 'A' || lower < 'a' || lower > 'z') {
      return {Route::kBadRequest, {}, "the word of /lookup may have the letters A to Z only"};
    }
    word.push_back(lower);
  }
  return {Route::kLookup, word, {}};
}

}  // namespace

Target parse_target(std::string_view target) {
  const std::size_t query = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, query);
  if (path == "/lookup") return lookup_target(target.substr(std::min(query + 1, target.size())));
  if (path == "/report") return {Route::kReport, {}, {}};
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

std::string report_json(const ReportResult& result) {
  return text_of({{"bytes", result.bytes},
                  {"compressed_bytes", result.compressed_bytes},
                  {"words", result.words},
                  {"distinct_words", result.distinct_words},
                  {"longest_word", result.longest_word}});
}

std::string error_json(std::string_view error) { return text_of({{"error", error}}); }

}  // namespace pulsed::demo
