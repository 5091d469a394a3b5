#include "deploy/demo/load/heavy_loops.h"

namespace pulsed::demo::load {

HeavyLoops::HeavyLoops(boost::asio::io_context& context,
                       const boost::asio::ip::tcp::endpoint& service, std::string target,
                       std::size_t loops, Measurement& measurement)
    : target_(std::move(target)), measurement_(measurement) {
  for (std::size_t i = 0; i < loops; ++i)
    clients_.push_back(std::make_unique<HttpClient>(context, service));
}

void HeavyLoops::run() {
  for (const auto& client : clients_) ask(*client);
}

void HeavyLoops::ask(HttpClient& client) {
  ++in_flight_;
  const Clock::time_point sent = Clock::now();
  client.get(target_, [this, sent](HttpClient& done, const std::string& error) {
    --in_flight_;
    const Clock::time_point now = Clock::now();
    if (!error.empty()) return measurement_.failed(target_ + ": " + error);
    measurement_.heavy_done(sent, now);
    if (now < measurement_.window().end) ask(done);
  });
}

}  // namespace pulsed::demo::load
