// What compiled the unit that includes this, as stored counts name it. The build gives the flags that matter in
// PULSED_COUNTED_FLAGS.
#pragma once

#define PULSED_COUNTED_TEXT_OF(x) #x
#define PULSED_COUNTED_TEXT(x) PULSED_COUNTED_TEXT_OF(x)
#if defined(__clang__)
#define PULSED_COUNTED_COMPILER "clang++-" PULSED_COUNTED_TEXT(__clang_major__)
#else
#define PULSED_COUNTED_COMPILER "g++-" PULSED_COUNTED_TEXT(__GNUC__)
#endif

namespace pulsed::bench {

// Of each unit its own.
constexpr const char* kCompiler = PULSED_COUNTED_COMPILER " " PULSED_COUNTED_FLAGS;

}  // namespace pulsed::bench
