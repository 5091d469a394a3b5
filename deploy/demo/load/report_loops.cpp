#include "deploy/demo/load/report_loops.h"

namespace pulsed::demo::load {

ReportLoops::ReportLoops(boost::asio::io_context& context,
                         const boost::asio::ip::tcp::endpoint& service, std::size_t loops,
                         Measurement& measurement)
    : measurement_(measurement) {
  for (std::size_t i = 0; i < loops; ++i)
    clients_.push_back(std::make_unique<HttpClient>(context, service));
}

void ReportLoops::run() {
  for (const auto& client : clients_) ask(*client);
}

void ReportLoops::ask(HttpClient& client) {
  ++in_flight_;
  const Clock::time_point sent = Clock::now();
  client.get("/report", [this, sent](HttpClient& done, const std::string& error) {
    --in_flight_;
    const Clock::time_point now = Clock::now();
    if (!error.empty()) return measurement_.failed("/report: " + error);
    measurement_.report_done(sent, now);
    if (now < measurement_.window().end) ask(done);
  });
}

}  // namespace pulsed::demo::load
