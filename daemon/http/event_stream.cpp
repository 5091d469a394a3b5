#include "daemon/http/event_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <utility>

namespace pulsed::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Few enough that a slow link gets a write done in time, many enough that the whole history is not 600 system calls.
constexpr std::size_t kMomentsAWrite = 16;
// What the kernel keeps for a watcher that does not read; it doubles that.
constexpr int kSendBufferBytes = 128 * 1024;

// A peer that is gone without a word is noticed by what it does not acknowledge.
void bound_what_the_kernel_keeps(int fd, std::chrono::milliseconds patience) {
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  const auto ms = static_cast<unsigned>(patience.count());
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

}  // namespace

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(EventStreams& all, asio::ip::tcp::socket socket, std::uint64_t wanted, Counted place)
      : all_(all), stream_(std::move(socket)), wanted_(wanted), place_(std::move(place)) {
    all_.streams_.fetch_add(1, std::memory_order_relaxed);
    bound_what_the_kernel_keeps(stream_.socket().native_handle(), all_.write_timeout_);
  }

  ~EventStream() { all_.streams_.fetch_sub(1, std::memory_order_relaxed); }
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  void send() {
    history::History::Found found = all_.history_->from(wanted_, kMomentsAWrite);
    if (found.lost) return;  // the last owner: it closes
    if (found.texts.empty()) return all_.waiting_.push_back(shared_from_this());
    wanted_ += found.texts.size();
    sending_ = std::move(found.texts);
    std::vector<asio::const_buffer> buffers;
    for (const auto& text : sending_) buffers.emplace_back(text->data(), text->size());
    stream_.expires_after(all_.write_timeout_);
    asio::async_write(stream_, std::move(buffers),
                      [self = shared_from_this()](error_code ec, std::size_t) {
                        self->sending_.clear();
                        if (!ec) self->send();
                      });
  }

 private:
  EventStreams& all_;
  boost::beast::tcp_stream stream_;
  std::uint64_t wanted_;
  Counted place_;
  std::vector<history::History::Text> sending_;
};

EventStreams::EventStreams(const history::History* history, std::chrono::milliseconds write_timeout)
    : history_(history), write_timeout_(write_timeout) {}

EventStreams::~EventStreams() = default;

void EventStreams::add(asio::ip::tcp::socket socket, std::uint64_t wanted, Counted place) {
  std::make_shared<EventStream>(*this, std::move(socket), wanted, std::move(place))->send();
}

void EventStreams::wake() {
  for (const auto& stream : std::exchange(waiting_, {})) stream->send();
}

}  // namespace pulsed::http
