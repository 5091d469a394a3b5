#include "deploy/demo/load/light_loop.h"

#include <array>
#include <string>

namespace pulsed::demo::load {
namespace {

constexpr std::array<const char*, kLightKinds> kPaths{"/lookup", "/price"};

// Words of every licence, so that each lookup has postings to rank.
constexpr std::array<const char*, 24> kWords{
    "license",    "software",    "warranty", "copyright",    "work",     "program",
    "source",     "distribute",  "terms",    "conditions",   "patent",   "derivative",
    "permission", "liability",   "notice",   "version",      "document", "modified",
    "copy",       "contributor", "library",  "distribution", "public",   "rights"};

}  // namespace

LightLoop::LightLoop(boost::asio::io_context& context, boost::asio::ip::tcp::endpoint service,
                     Light kind, Arrivals arrivals, PoolSize pool, Measurement& measurement)
    : context_(context),
      service_(std::move(service)),
      kind_(kind),
      arrivals_(arrivals),
      pool_(pool),
      measurement_(measurement),
      timer_(context) {}

const char* LightLoop::path() const { return kPaths[static_cast<std::size_t>(kind_)]; }

void LightLoop::connect() {
  while (clients_.size() < pool_.initial) {
    clients_.push_back(std::make_unique<HttpClient>(context_, service_));
    idle_.push_back(clients_.back().get());
  }
}

void LightLoop::run(Clock::time_point start) {
  start_ = start;
  wait_for_next();
}

void LightLoop::wait_for_next() {
  const Clock::time_point next = start_ + arrivals_.next();
  if (next >= measurement_.window().end) return;
  timer_.expires_at(next);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send_due();
  });
}

void LightLoop::send_due() {
  const Clock::time_point end = measurement_.window().end;
  for (Clock::time_point next = start_ + arrivals_.next(); next <= Clock::now() && next < end;
       next = start_ + arrivals_.next()) {
    arrivals_.advance();
    dispatch(next);
  }
  wait_for_next();
}

void LightLoop::dispatch(Clock::time_point intended) {
  HttpClient* client = nullptr;
  try {
    client = free_client();
  } catch (const boost::system::system_error& error) {
    return measurement_.failed(std::string("connecting: ") + error.what());
  }
  if (client != nullptr) return send(*client, intended);
  measurement_.light_waited();
  backlog_.push_back(intended);
}

// The one used last, as its memory is warm; a new one if all are busy; null if that would be one
// too many.
HttpClient* LightLoop::free_client() {
  if (idle_.empty()) {
    if (clients_.size() >= pool_.most) return nullptr;
    clients_.push_back(std::make_unique<HttpClient>(context_, service_));
    return clients_.back().get();
  }
  HttpClient* const client = idle_.back();
  idle_.pop_back();
  return client;
}

void LightLoop::send(HttpClient& client, Clock::time_point intended) {
  ++in_flight_;
  measurement_.light_sent(intended, Clock::now());
  const std::string target = std::string(path()) + "?word=" + kWords[next_word_++ % kWords.size()];
  client.get(target, [this, intended](HttpClient& done, const std::string& error) {
    answered(done, intended, error);
  });
}

void LightLoop::answered(HttpClient& client, Clock::time_point intended, const std::string& error) {
  --in_flight_;
  if (error.empty()) {
    measurement_.light_done(kind_, intended, Clock::now());
  } else {
    measurement_.failed(std::string(path()) + ": " + error);
  }
  if (!client.usable()) return;
  if (backlog_.empty()) {
    idle_.push_back(&client);
  } else {
    const Clock::time_point waiting = backlog_.front();
    backlog_.pop_front();
    send(client, waiting);
  }
}

}  // namespace pulsed::demo::load
