// Changes a policy.yaml by its grammar: keys put in, left out, doubled and swapped, values from the edges of
// their ranges and beyond, rules moved, globs edited. What is no YAML that policy.yaml may use comes back as
// it was; byte mutations are for that.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace pulsed::fuzz {

using Random = std::minstd_rand;

[[nodiscard]] std::string mutated_policy(std::string_view yaml, Random& random);

}  // namespace pulsed::fuzz
