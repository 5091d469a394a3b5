// Whom a server that listens on loopback answers.
//
// Any web site can have its own name resolve to 127.0.0.1 (DNS rebinding): its scripts, in the browser of whoever sits at
// this machine, then read this server as their own origin. What they cannot is have the browser send another Host.
#pragma once

#include <string_view>

namespace pulsed::http {

// Whether a Host header, port or not, names no site: an IP address, localhost, or nothing, which no browser sends.
[[nodiscard]] bool names_no_site(std::string_view host);

}  // namespace pulsed::http
