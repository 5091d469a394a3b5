// What a running daemon says over HTTP, read as a scraper would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulsed::test {

struct HttpReply {
  int status;
  std::string body;
};
// GET from 127.0.0.1, with further header lines ("Accept-Encoding: gzip\r\n"). Nothing if nobody answers within ten seconds.
[[nodiscard]] std::optional<HttpReply> http_get(std::uint16_t port, const std::string& target,
                                                const std::string& headers = "");

// One scrape.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  Metrics() = default;
  explicit Metrics(const std::string& text);

  // The sum over all series of that name that carry these labels; 0 if there are none.
  [[nodiscard]] double sum(std::string_view name, const Labels& labels = {}) const;
  [[nodiscard]] std::size_t count(std::string_view name, const Labels& labels = {}) const;
  [[nodiscard]] bool has(std::string_view name, const Labels& labels = {}) const;
  // Every counter of `before` is here too, and none fell: the first that does not hold, or nothing.
  [[nodiscard]] std::optional<std::string> fallen_since(const Metrics& before) const;

 private:
  struct Sample {
    std::string name;
    std::string labels;
    double value;
  };
  [[nodiscard]] static bool matches(const Sample& s, std::string_view name, const Labels& labels);
  std::vector<Sample> samples_;
};

}  // namespace pulsed::test
