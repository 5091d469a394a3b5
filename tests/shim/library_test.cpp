// What a service takes in with libpulsed-shim: the C and C++ runtimes and no more.
#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <set>
#include <sstream>
#include <string>

namespace {

const std::string kLibrary = std::string(PULSED_BIN_DIR) + "/../lib/libpulsed-shim.so";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> part{};
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), pipe))
    out.append(part.data(), n);
  const int status = ::pclose(pipe);
  REQUIRE_MESSAGE(status == 0, command << ": " << out);
  return out;
}

TEST_CASE("the library needs the C and C++ runtimes and nothing else" * doctest::skip(kSanitized)) {
  const std::set<std::string> allowed{"libc.so.6",
                                      "libm.so.6",
                                      "libstdc++.so.6",
                                      "libgcc_s.so.1",
                                      "ld-linux-x86-64.so.2",
                                      "ld-linux-aarch64.so.1"};
  std::istringstream lines(output_of("readelf -dW " + kLibrary));
  int needed = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("(NEEDED)") == std::string::npos) continue;
    const std::size_t begin = line.find('[') + 1;
    const std::string library = line.substr(begin, line.find(']') - begin);
    CHECK_MESSAGE(allowed.contains(library), library);
    ++needed;
  }
  CHECK(needed >= 1);
}

TEST_CASE("the library exports its C names and nothing else" * doctest::skip(kSanitized)) {
  std::istringstream lines(output_of("nm -D --defined-only " + kLibrary));
  int exported = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(line.rfind(' ') + 1);
    CHECK_MESSAGE(name.starts_with("pulsed_"), name);
    ++exported;
  }
  CHECK(exported >= 20);
}

TEST_CASE("the library stays loaded and lays its thread-local state at fixed offsets" *
          doctest::skip(kSanitized)) {
  const std::string dynamic = output_of("readelf -dW " + kLibrary);
  CHECK(dynamic.find("NODELETE") != std::string::npos);
  CHECK(dynamic.find("STATIC_TLS") != std::string::npos);
}

}  // namespace
