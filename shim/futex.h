// Waiting on words of ours and of the daemon's. No call reports why it returned: who waits looks again. errno is kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace pulsed::shim {

// nullopt: for ever.
using Timeout = std::optional<std::chrono::nanoseconds>;

// Waits while `*word`, which another process may write, is `seen`. Read-only memory will do.
void wait_shared(const std::uint32_t* word, std::uint32_t seen, Timeout timeout);

// Waits while `*shared` and `*own` are both what was seen of them; `own` is of this process. Kernels without futex_waitv
// (before 5.16, or where it is forbidden) sleep on `shared` alone, and look at `own` each second and at each wake_shared().
void wait_either(const std::uint32_t* shared, std::uint32_t shared_seen, const std::uint32_t* own,
                 std::uint32_t own_seen, Timeout timeout);

// Waits while `*own`, of this process, is `seen`.
void wait_own(const std::uint32_t* own, std::uint32_t seen, Timeout timeout);
void wake_own(const std::uint32_t* own);  // all who wait

// Has wait_either() found itself without futex_waitv?
[[nodiscard]] bool waits_on_one_word();
// Read-only memory will do, and even an address that is mapped no more.
void wake_shared(const std::uint32_t* word);

}  // namespace pulsed::shim
