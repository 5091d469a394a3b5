#include "daemon/rpc/audit.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "daemon/policy/plain_text.h"

namespace pulsed::rpc {
namespace {

constexpr std::array<std::string_view, 17> kCodeNames{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// What ends a line, moves a cursor or turns the order of letters around somewhere: control characters (terminals take U+0080
// to U+009F for such, too), and of Unicode the ends of lines and what changes the direction of writing.
bool misleads(std::string_view character) {
  const auto last = static_cast<unsigned char>(character.back());
  if (character.size() == 1) return policy::is_control(character.front());
  if (character.starts_with("\xC2")) return last < 0xA0;
  if (character.starts_with("\xE2\x80"))
    return last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE);
  return character.starts_with("\xE2\x81") && last >= 0xA6 && last <= 0xA9;
}

std::string in_hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string escaped(std::string_view text) {
  constexpr std::size_t kMost = 1024;
  std::string out;
  while (!text.empty()) {
    if (out.size() >= kMost) return out + "...";
    const std::size_t length = policy::character_length(text);
    const std::string_view character = text.substr(0, std::max(length, std::size_t{1}));
    text.remove_prefix(character.size());
    if (character == "\"" || character == "\\") {
      out += '\\' + std::string(character);
    } else if (character == "\n") {
      out += "\\n";
    } else if (length == 0 || misleads(character)) {
      out += in_hex(character);
    } else {
      out += character;
    }
  }
  return out;
}

}  // namespace

std::string in_quotes(std::string_view text) { return "\"" + escaped(text) + "\""; }

std::string_view name(grpc::StatusCode code) {
  const auto at = static_cast<std::size_t>(code);
  return at < kCodeNames.size() ? kCodeNames[at] : "UNKNOWN";
}

void Audit::note(const Caller& caller, std::string_view what, std::string_view comment,
                 const grpc::Status& status, std::string_view result) {
  std::string line = escaped(caller.who) + ": " + std::string(what);
  if (!comment.empty()) line += ", " + in_quotes(comment);
  if (!status.ok()) {
    line += ": " + std::string(name(status.error_code())) + ": " + escaped(status.error_message());
  } else if (!result.empty()) {
    line += ": " + std::string(result);
  }
  if (!caller.may_change) {
    const std::lock_guard lock(mutex_);
    if (!refused_.take(std::chrono::steady_clock::now().time_since_epoch())) return;
    line += refused_.left_out();
  }
  write_(line);
}

}  // namespace pulsed::rpc
