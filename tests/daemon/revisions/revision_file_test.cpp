#include "daemon/revisions/revision_file.h"

#include <zlib.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "daemon/config/policy_yaml.h"
#include "tests/daemon/revisions/numbered_policy.h"

namespace pulsed::test {
namespace {

using revisions::Author;
using revisions::decode;
using revisions::encode;
using revisions::StoredRevision;

// Every kind of field a rule can have.
policy::Policy rich_policy() {
  const auto read = config::read_policy(R"(enforcement: enforce
profile: permissive
defaults:
  window: 2500ms
  class_share: 0.3333333333333333
  max_spare_workers: workers
  demote_to: idle
rules:
  - match: {service: "shop*", class: "checkout/\"render\"\\"}
    priority: critical
    demotion_min_stay: {monitor: 1s, warn: 2s, yield: 3s, isolate: 4s}
  - match: {class: "žluťoučký/*"}
    max_tier: warn
)",
                                        "rich");
  REQUIRE(read);
  return *read.value;
}

StoredRevision some_revision() {
  return {{.number = 9,
           .policy = rich_policy(),
           .author = {Author::Kind::kUid, 1000, ""},
           .comment = "shadow for checkout",
           .created = std::chrono::system_clock::time_point{std::chrono::nanoseconds{
               1'714'564'800'123'456'789}},
           .rolled_back_to = 3},
          revisions::Imported{7, "enforcement: shadow\n"}};
}

void check_same(const StoredRevision& a, const StoredRevision& b) {
  CHECK(a.revision.number == b.revision.number);
  CHECK(a.revision.policy == b.revision.policy);
  CHECK(a.revision.author == b.revision.author);
  CHECK(a.revision.comment == b.revision.comment);
  CHECK(a.revision.created == b.revision.created);
  CHECK(a.revision.rolled_back_to == b.revision.rolled_back_to);
  CHECK(a.imported == b.imported);
}

StoredRevision decoded(const std::string& bytes) {
  const auto read = decode(bytes, "file");
  INFO(read.fault);
  REQUIRE(read);
  return *read.value;
}

std::string fault_of(const std::string& bytes) {
  const auto read = decode(bytes, "file");
  REQUIRE_FALSE(read);
  return read.fault;
}

// The same file as another pulsed might have written it: its checksum fits.
std::string with(const std::string& bytes, const std::string& from, const std::string& to) {
  std::string changed = bytes;
  const std::size_t at = changed.find(from);
  REQUIRE(at != std::string::npos);
  changed.replace(at, from.size(), to);
  changed.resize(changed.rfind(",\n  \"crc32\""));
  std::array<char, 9> sum{};
  std::snprintf(sum.data(), sum.size(), "%08lx",
                ::crc32_z(0, reinterpret_cast<const Bytef*>(changed.data()), changed.size()));
  return changed + ",\n  \"crc32\": \"" + sum.data() + "\"\n}\n";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A revision reads back as it was written") {
  check_same(decoded(encode(some_revision())), some_revision());
}

TEST_CASE("Every author reads back, and what policy.yaml said, if it ever did") {
  for (const Author& author : std::vector<Author>{{},
                                                  {Author::Kind::kFile, 0, "/etc/a b/pölicy.yaml"},
                                                  {Author::Kind::kUid, 0, ""},
                                                  {Author::Kind::kUid, 4'294'967'295, ""},
                                                  {Author::Kind::kCertificate, 0, "CN \"x\"\n"}}) {
    StoredRevision stored = some_revision();
    stored.revision.author = author;
    check_same(decoded(encode(stored)), stored);
    stored.imported.reset();
    check_same(decoded(encode(stored)), stored);
  }
}

TEST_CASE("Any comment reads back, control characters included") {
  std::mt19937 random(7);
  const std::vector<std::string> pieces{
      "a", "\"", "\\",   "\n", "}", ",\n  \"crc32\": \"", "\x01", std::string(1, '\0'), "\x7f",
      "é", "漢", "🙂", "/*", "\r"};
  for (int i = 0; i < 500; ++i) {
    StoredRevision stored = some_revision();
    stored.revision.comment.clear();
    for (auto n = random() % 12; n > 0; --n) {
      stored.revision.comment += pieces[random() % pieces.size()];
    }
    check_same(decoded(encode(stored)), stored);
  }
}

TEST_CASE("Bytes that are no UTF-8 are replaced, and the rest stays") {
  StoredRevision stored = some_revision();
  stored.revision.comment = "before \xff after";
  CHECK(decoded(encode(stored)).revision.comment == "before \xef\xbf\xbd after");
}

TEST_CASE("The file is JSON") {
  const auto json = nlohmann::json::parse(encode(some_revision()));
  CHECK(json.at("created") == "2024-05-01T12:00:00.123456789Z");
  CHECK(json.at("policy") == config::to_yaml(rich_policy()));
  CHECK(json.at("crc32").get<std::string>().size() == 8);
}

TEST_CASE("A file that ends anywhere before its end does not read") {
  const std::string whole = encode(some_revision());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    REQUIRE_FALSE(decode(whole.substr(0, length), "file"));
  }
}

TEST_CASE("A file in which any bit changed does not read") {
  const std::string whole = encode(some_revision());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    CAPTURE(at);
    REQUIRE_FALSE(decode(changed, "file"));
  }
}

TEST_CASE("Zeros where the text was, as after a power failure, do not read") {
  CHECK_FALSE(decode(std::string(encode(some_revision()).size(), '\0'), "file"));
}

TEST_CASE("A whole file that makes no sense says why") {
  const std::string good = encode(some_revision());
  CHECK(decode(with(good, "shadow for checkout", "another comment"), "file"));
  CHECK(contains(fault_of(with(good, "\"format\": 1", "\"format\": 2")), "format 2"));
  CHECK(contains(fault_of(with(good, "\"kind\": \"uid\"", "\"kind\": \"gid\"")), "author"));
  CHECK(contains(fault_of(with(good, "2024-05-01T", "2024-15-01T")), "created"));
  CHECK(contains(fault_of(with(good, "\"number\": 9", "\"number\": \"9\"")), "number"));
  CHECK(contains(fault_of(with(good, "\"comment\"", "\"remark\"")), "comment"));
}

TEST_CASE("A policy that today's reader refuses does not read, and its place is named") {
  const std::string bytes = with(encode(some_revision()), "window: 2500ms", "windows: 2500ms");
  const std::string fault = fault_of(bytes);
  CAPTURE(fault);
  CHECK(contains(fault, "file, policy:"));
  CHECK(contains(fault, "did you mean `window`?"));
}

TEST_CASE("What was imported may be refused by today's reader: the revision beside it reads") {
  StoredRevision stored = some_revision();
  stored.imported->policy = "enforcement: sometimes\n";
  check_same(decoded(encode(stored)), stored);
}

}  // namespace pulsed::test
