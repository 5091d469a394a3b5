// libFuzzer over policy.yaml, by its grammar and by bytes. CTest runs it bounded; longer by hand:
//
//   cmake --build --preset clang --target policy_fuzz
//   mkdir -p build/clang/corpus
//   build/clang/bin/tests/policy_fuzz -max_total_time=600 build/clang/corpus tests/fuzz/corpus/policy
//
// A text that breaks a property is left in crash-*, and belongs into tests/fuzz/corpus/policy with its mending.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/fuzz/policy_mutator.h"
#include "tests/fuzz/policy_properties.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  pulsed::fuzz::Random random(seed);
  constexpr unsigned kBytesOneIn = 4;
  if (random() % kBytesOneIn == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string before(data, data + size);
  const std::string after = pulsed::fuzz::mutated_policy(before, random);
  if (after == before || after.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(after.begin(), after.end(), data);
  return after.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    pulsed::fuzz::check_policy_text(std::string(data, data + size));
  } catch (const pulsed::fuzz::BrokenProperty& broken) {
    std::fprintf(stderr, "does not hold: %s\n", broken.what());
    std::abort();
  }
  return 0;
}
