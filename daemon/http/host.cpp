#include "daemon/http/host.h"

#include <boost/asio/ip/address.hpp>
#include <boost/beast/core/string.hpp>
#include <string>

namespace pulsed::http {
namespace {

constexpr std::string_view kDigits = "0123456789";

// The port goes off its end; false: what stands there is no port.
bool take_port(std::string_view& host) {
  const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  if (colon == std::string_view::npos) return true;
  if (host.find_first_not_of(kDigits, colon + 1) != std::string_view::npos) return false;
  host = host.substr(0, colon);
  return true;
}

bool is_address(std::string_view host) {
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(std::string(host), ec);
  return !ec && address.is_v6() == brackets;
}

}  // namespace

bool names_no_site(std::string_view host) {
  if (host.empty()) return true;
  if (!take_port(host)) return false;
  const boost::string_view name(host.data(), host.size());
  return boost::beast::iequals(name, "localhost") || boost::beast::iequals(name, "localhost.") ||
         is_address(host);
}

}  // namespace pulsed::http
