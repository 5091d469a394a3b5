// What a rule's match holds for, and how the matches of two rules stand to each other.
#pragma once

#include "daemon/policy/policy.h"

namespace pulsed::policy {

[[nodiscard]] bool holds_for(const Match& match, const Subject& subject);
[[nodiscard]] bool holds_for_all(const Match& match);

// Whether `wide` holds for every subject that `narrow` holds for; as sure as glob_covers().
[[nodiscard]] bool covers(const Match& wide, const Match& narrow);

// Whether both hold for some subject.
[[nodiscard]] bool overlap(const Match& a, const Match& b);

}  // namespace pulsed::policy
