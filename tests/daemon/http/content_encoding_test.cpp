#include "daemon/http/content_encoding.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/daemon/http/gunzip.h"

namespace pulsed::http {
namespace {

TEST_CASE("gzip is accepted where it is named or covered by a star") {
  for (const std::string_view header :
       {"gzip", "GZIP", "x-gzip", "deflate, gzip", "gzip;q=1", "gzip; q=0.001", "gzip ; Q=1.000",
        "*", "*;q=0.1", "br;q=1.0, gzip;q=0.8, *;q=0.1", ",,gzip,,", "\tgzip\t", "identity,gzip,",
        "gzip;level=9", "*;q=0, gzip"}) {
    CAPTURE(header);
    CHECK(accepts_gzip(header));
  }
}

TEST_CASE("gzip is not accepted where it is absent, weighs 0 or its weight makes no sense") {
  for (const std::string_view header : {"",
                                        "identity",
                                        "deflate, br",
                                        "gzip;q=0",
                                        "gzip;q=0.0",
                                        "gzip;q=0.000",
                                        "gzip;q=0, *",
                                        "*;q=0",
                                        "gzipped",
                                        "not-gzip",
                                        "gzip;q=",
                                        "gzip;q=2",
                                        "gzip;q=-1",
                                        "gzip;q=1.1",
                                        "gzip;q=0.1234",
                                        "gzip;q=abc",
                                        ";q=1",
                                        ",",
                                        "gzip;q",
                                        "\"gzip\""}) {
    CAPTURE(header);
    CHECK_FALSE(accepts_gzip(header));
  }
}

TEST_CASE("what was compressed comes back the same") {
  std::string noise;
  std::uint32_t state = 1;
  for (int i = 0; i < 100'000; ++i)
    noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  for (const std::string& text :
       {std::string(), std::string("a"), std::string(1'000'000, 'x'), noise}) {
    CHECK(gunzip(gzip(text)) == text);
  }
}

}  // namespace
}  // namespace pulsed::http
