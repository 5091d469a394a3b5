#include "tests/support/metrics_reader.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "shared_memory/segment.h"

namespace pulsed::test {

std::optional<HttpReply> http_get(std::uint16_t port, const std::string& target,
                                  const std::string& headers) {
  const shm::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
  const std::string request =
      "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  std::string text;
  std::array<char, 16'384> buffer{};
  while (true) {
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0) return {};
    if (n == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || !text.starts_with("HTTP/1.1 ")) return {};
  return HttpReply{std::atoi(text.c_str() + 9), text.substr(end + 4)};
}

Metrics::Metrics(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t value = line.rfind(' ');
    if (line.empty() || line[0] == '#' || value == std::string::npos) continue;
    const std::string series = line.substr(0, value);
    const std::size_t brace = std::min(series.find('{'), series.size());
    samples_.push_back({series.substr(0, brace), series.substr(brace),
                        std::strtod(line.c_str() + value, nullptr)});
  }
}

bool Metrics::matches(const Sample& s, std::string_view name, const Labels& labels) {
  return s.name == name && std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
           const std::string pair =
               std::string(label.first) + "=\"" + std::string(label.second) + "\"";
           return s.labels.find(pair) != std::string::npos;
         });
}

double Metrics::sum(std::string_view name, const Labels& labels) const {
  double sum = 0;
  for (const Sample& s : samples_) sum += matches(s, name, labels) ? s.value : 0;
  return sum;
}

std::size_t Metrics::count(std::string_view name, const Labels& labels) const {
  return static_cast<std::size_t>(std::count_if(
      samples_.begin(), samples_.end(), [&](const Sample& s) { return matches(s, name, labels); }));
}

bool Metrics::has(std::string_view name, const Labels& labels) const {
  return count(name, labels) != 0;
}

std::optional<std::string> Metrics::fallen_since(const Metrics& before) const {
  for (const Sample& then : before.samples_) {
    if (!then.name.ends_with("_total")) continue;
    const auto now = std::find_if(samples_.begin(), samples_.end(), [&](const Sample& s) {
      return s.name == then.name && s.labels == then.labels;
    });
    if (now == samples_.end() || now->value < then.value) return then.name + then.labels;
  }
  return {};
}

}  // namespace pulsed::test
