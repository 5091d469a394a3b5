#include "tests/daemon/metrics/own_prometheus.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cctype>
#include <fstream>
#include <stdexcept>

#include "shared_memory/segment.h"
#include "tests/support/metrics_reader.h"

namespace pulsed::test {
namespace {

// Free when it was looked for.
std::uint16_t free_port() {
  const shm::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port is free");
  }
  return ntohs(address.sin_port);
}

}  // namespace

OwnPrometheus::OwnPrometheus(std::uint16_t target) {
  const std::string interval = std::to_string(2 + 2 * slowness()) + "s";
  std::ofstream(dir_.path() + "/prometheus.yml")
      << "global: {scrape_interval: " << interval << ", scrape_timeout: " << interval
      << "}\n"
         "scrape_configs: [{job_name: pulsed, static_configs: [{targets: [\"127.0.0.1:"
      << target << "\"]}]}]\n";
  // Somebody else may take the port meanwhile.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    if (start()) return;
  }
  throw std::runtime_error("prometheus did not become ready:\n" + log());
}

bool OwnPrometheus::start() {
  port_ = free_port();
  const std::string dir = dir_.path();
  process_ = std::make_unique<Process>(
      Command{.program = kProgram,
              .arguments = {"--config.file=" + dir + "/prometheus.yml",
                            "--storage.tsdb.path=" + dir + "/data",
                            "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
              .environment = {},
              .output = dir + "/log"});
  bool has_ended = false;
  const bool is_ready = wait_until([&] {
    has_ended = process_->wait_end(milliseconds{0}).has_value();
    const auto reply = http_get(port_, "/-/ready");
    return has_ended || (reply && reply->status == 200);
  });
  return is_ready && !has_ended;
}

nlohmann::json OwnPrometheus::get(const std::string& path) const {
  const auto reply = http_get(port_, "/api/v1/" + path);
  if (!reply || reply->status != 200) return nullptr;
  const std::size_t begin = reply->body.find('{');
  const std::size_t end = reply->body.rfind('}');
  if (begin == std::string::npos || end == std::string::npos) return nullptr;
  const auto json = nlohmann::json::parse(reply->body.substr(begin, end - begin + 1));
  return json.at("data");
}

std::optional<double> OwnPrometheus::value(const std::string& expression) const {
  const nlohmann::json data = get("query?query=" + url_encoded(expression));
  if (data.is_null() || data.at("result").size() != 1) return {};
  return std::stod(data.at("result").at(0).at("value").at(1).get<std::string>());
}

std::string url_encoded(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

}  // namespace pulsed::test
