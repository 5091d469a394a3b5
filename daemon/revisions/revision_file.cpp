#include "daemon/revisions/revision_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/config/policy_yaml.h"
#include "daemon/revisions/timestamp.h"

namespace pulsed::revisions {
namespace {

using nlohmann::json;
using Kind = Author::Kind;

constexpr int kFormat = 1;
constexpr std::array<std::string_view, 4> kKinds{"built-in", "file", "uid", "certificate"};
constexpr std::string_view kEnd = "\n}";  // of printed JSON
constexpr std::string_view kBeforeChecksum = ",\n  \"crc32\": \"";
constexpr std::string_view kAfterChecksum = "\"\n}\n";
constexpr std::size_t kChecksumDigits = 8;

std::string checksum(std::string_view bytes) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  std::array<char, kChecksumDigits + 1> digits{};
  std::snprintf(digits.data(), digits.size(), "%08lx", crc);
  return digits.data();
}

// What the checksum is of; nothing: it is not there, or another.
std::optional<std::string_view> checked(std::string_view bytes) {
  constexpr std::size_t kTail = kBeforeChecksum.size() + kChecksumDigits + kAfterChecksum.size();
  if (bytes.size() < kTail) return {};
  const std::string_view before = bytes.substr(0, bytes.size() - kTail);
  const std::string tail =
      std::string(kBeforeChecksum) + checksum(before) + std::string(kAfterChecksum);
  if (bytes.substr(before.size()) != tail) return {};
  return before;
}

json author_json(const Author& author) {
  json out{{"kind", kKinds[static_cast<std::size_t>(author.kind)]}};
  if (author.kind == Kind::kUid) out["uid"] = author.uid;
  if (!author.name.empty()) out["name"] = author.name;
  return out;
}

Author author_from(const json& in) {
  const auto kind = std::find(kKinds.begin(), kKinds.end(), in.at("kind").get<std::string>());
  if (kind == kKinds.end()) throw std::invalid_argument("its author is of an unknown kind");
  return {static_cast<Kind>(kind - kKinds.begin()), in.value("uid", std::uint32_t{0}),
          in.value("name", std::string())};
}

policy::Policy policy_from(const std::string& yaml, std::string_view source) {
  auto read = config::read_policy(yaml, std::string(source) + ", policy");
  if (!read) throw std::invalid_argument(text(read.errors.front()));
  return std::move(*read.value);
}

StoredRevision stored_from(const json& in, std::string_view source) {
  if (const int format = in.at("format").get<int>(); format != kFormat) {
    throw std::invalid_argument("it is of format " + std::to_string(format) +
                                ", which this pulsed does not know");
  }
  StoredRevision stored;
  Revision& revision = stored.revision;
  revision.number = in.at("number").get<std::uint64_t>();
  const auto created = read_timestamp(in.at("created").get<std::string>());
  if (!created) throw std::invalid_argument("`created` is no time");
  revision.created = *created;
  revision.author = author_from(in.at("author"));
  revision.comment = in.at("comment").get<std::string>();
  revision.rolled_back_to = in.at("rolled_back_to").get<std::uint64_t>();
  revision.policy = policy_from(in.at("policy").get<std::string>(), source);
  if (const auto imported = in.find("imported"); imported != in.end()) {
    stored.imported = {imported->at("revision").get<std::uint64_t>(),
                       imported->at("policy").get<std::string>()};
  }
  return stored;
}

}  // namespace

std::string encode(const StoredRevision& stored) {
  const Revision& revision = stored.revision;
  json out{{"format", kFormat},
           {"number", revision.number},
           {"created", timestamp_text(revision.created)},
           {"author", author_json(revision.author)},
           {"comment", revision.comment},
           {"rolled_back_to", revision.rolled_back_to},
           {"policy", config::to_yaml(revision.policy)}};
  if (stored.imported) {
    out["imported"] = {{"revision", stored.imported->revision},
                       {"policy", stored.imported->policy}};
  }
  std::string bytes = out.dump(2, ' ', false, json::error_handler_t::replace);
  bytes.resize(bytes.size() - kEnd.size());
  const std::string sum = checksum(bytes);
  return bytes.append(kBeforeChecksum).append(sum).append(kAfterChecksum);
}

bool is_whole(std::string_view bytes) { return checked(bytes).has_value(); }

config::Reading<StoredRevision> decode(std::string_view bytes, std::string_view source) {
  const auto before = checked(bytes);
  if (!before) return {{}, "its checksum does not fit: it is torn, or was changed"};
  try {
    return {stored_from(json::parse(std::string(*before) + std::string(kEnd)), source), {}};
  } catch (const json::exception& e) {
    return {{}, e.what()};
  } catch (const std::invalid_argument& e) {
    return {{}, e.what()};
  }
}

}  // namespace pulsed::revisions
