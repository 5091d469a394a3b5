// What holds for every text that could stand in policy.yaml: it is refused with words, or it is a policy that
// prints, explains itself, resolves within its bounds, and that the TierManager takes.
#pragma once

#include <stdexcept>
#include <string_view>

namespace pulsed::fuzz {

// What did not hold.
struct BrokenProperty : std::logic_error {
  using std::logic_error::logic_error;
};

// Whether the text was accepted. Throws BrokenProperty.
bool check_policy_text(std::string_view text);

}  // namespace pulsed::fuzz
