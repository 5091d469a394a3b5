// What runs under callgrind: every loop in two lengths, its instructions dumped under a label that says what it was.
#pragma once

namespace pulsed::bench {

// The exit status: kCannotCount, with the reason on stderr, where the machine has no clock that the counts hold for.
inline constexpr int kCannotCount = 77;
[[nodiscard]] int run_loops();

}  // namespace pulsed::bench
