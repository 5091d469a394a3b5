// A plain blocking HTTP client over a socket, which sends any bytes and gives up after 20 s without
// an answer: far longer than a working server takes, so that a slow machine fails no test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace pulsed::http {

struct Response {
  unsigned status = 0;
  std::string head;                            // status line and headers as they came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        received_(std::move(other.received_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] bool connected() const { return connected_; }

  // False if the peer closed before all was sent.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
      if (n < 0) throw std::runtime_error("the server reads nothing");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // The next response; of one to HEAD only the head. Throws if there is none.
  Response receive(bool to_head = false) {
    Response r;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) need_more();
    r.head = take(end + 4);
    parse_head(r);
    if (to_head || r.status == 304) return r;
    const auto length = r.headers.find("content-length");
    if (length == r.headers.end()) throw std::runtime_error("no Content-Length");
    r.body = take(std::stoul(length->second));
    return r;
  }
  // Follows /events, and takes the header and the first field.
  Response watch(std::string_view headers = "") {
    send("GET /events HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n");
    Response r = receive(true);
    if (r.status == 200) r.body = receive_event();
    return r;
  }
  // One server-sent event, its empty line included.
  std::string receive_event() {
    std::size_t end = 0;
    for (std::size_t seen = 0; (end = received_.find("\n\n", seen)) == std::string::npos;) {
      seen = received_.empty() ? 0 : received_.size() - 1;
      need_more();
    }
    return take(end + 2);
  }
  // What comes until the server closes.
  std::string receive_rest() {
    while (more()) {
    }
    return std::exchange(received_, {});
  }
  void send_no_more() { ::shutdown(fd_, SHUT_WR); }
  Response get(std::string_view target, std::string_view headers = "") {
    send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) +
         "\r\n");
    return receive();
  }

  // Whether the server closes the connection without sending more.
  [[nodiscard]] bool closed() { return received_.empty() && !more(); }
  // At least one byte has come.
  void wait_for_bytes() {
    while (received_.empty()) need_more();
  }

 private:
  bool more() {
    std::array<char, 65536> block{};
    const ssize_t n = ::recv(fd_, block.data(), block.size(), 0);
    if (n < 0 && errno != ECONNRESET) throw std::runtime_error("the server sends nothing");
    if (n <= 0) return false;
    received_.append(block.data(), static_cast<std::size_t>(n));
    return true;
  }
  void need_more() {
    if (!more()) throw std::runtime_error("the server closed the connection");
  }
  std::string take(std::size_t bytes) {
    while (received_.size() < bytes) need_more();
    std::string taken = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return taken;
  }
  static void parse_head(Response& r) {
    std::size_t at = r.head.find("\r\n");
    r.status = static_cast<unsigned>(std::stoul(r.head.substr(r.head.find(' '))));
    for (at += 2; at + 2 < r.head.size();) {
      const std::size_t colon = r.head.find(": ", at);
      const std::size_t end = r.head.find("\r\n", at);
      std::string name = r.head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      r.headers[name] = r.head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  int fd_;
  bool connected_ = false;
  std::string received_;
};

}  // namespace pulsed::http
