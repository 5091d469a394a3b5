// Tells systemd how the daemon is, by the protocol of sd_notify(3): datagrams to $NOTIFY_SOCKET. Without it, nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace pulsed {

// Never blocks; a message that cannot be sent is not sent.
void sd_notify(std::string_view state);

// How often WATCHDOG=1 is due (half of what systemd allows), if systemd watches this process.
[[nodiscard]] std::optional<std::chrono::nanoseconds> watchdog_interval();

}  // namespace pulsed
