#include "daemon/rpc/audit.h"

#include <array>
#include <chrono>

namespace pulsed::rpc {
namespace {

constexpr std::array<std::string_view, 17> kCodeNames{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// Terminals take U+0080 to U+009F, in UTF-8 C2 80 to C2 9F, for control characters, too.
bool is_control(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return true;
  return byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kMost = 1024;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (out.size() >= kMost) return out + "...";
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (is_control(text, i)) {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
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
