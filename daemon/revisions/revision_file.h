// One revision as the bytes of its file: JSON that a person can read, with a checksum of all before it at its end.
//
//   {
//     "author": {"kind": "uid", "uid": 1000},
//     "comment": "shadow for checkout",
//     "created": "2024-05-01T12:00:00.123456789Z",
//     "format": 1,
//     "imported": {"policy": "enforcement: shadow\n...", "revision": 7},
//     "number": 9,
//     "policy": "enforcement: enforce\n...",
//     "rolled_back_to": 0,
//     "crc32": "89abcdef"
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/config/config_error.h"
#include "daemon/revisions/revision_store.h"

namespace pulsed::revisions {

// What policy.yaml said when it was last made a revision. Kept as text: a stricter reader than that day's must not take the
// revision beside it down with it.
struct Imported {
  std::uint64_t revision = 0;
  std::string policy;
  friend bool operator==(const Imported&, const Imported&) = default;
};

struct StoredRevision {
  Revision revision;
  std::optional<Imported> imported;  // nothing: no policy.yaml ever was
};

// Bytes that are not UTF-8 are replaced in comments and names.
[[nodiscard]] std::string encode(const StoredRevision& stored);

// As somebody wrote them, whether or not they read here: formats to come end the same way.
[[nodiscard]] bool is_whole(std::string_view bytes);

// Why it does not read: torn, changed, another format's, or a policy that does not hold. `source` names it in messages.
[[nodiscard]] config::Reading<StoredRevision> decode(std::string_view bytes,
                                                     std::string_view source);

}  // namespace pulsed::revisions
