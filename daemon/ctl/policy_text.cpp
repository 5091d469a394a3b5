#include "daemon/ctl/policy_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iostream>
#include <iterator>

#include "daemon/config/file_text.h"
#include "daemon/config/policy_yaml.h"
#include "daemon/config/yaml_text.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/ctl/output/quantity.h"
#include "daemon/revisions/revision_store.h"
#include "daemon/rpc/policy_message.h"

namespace pulsed::ctl {
namespace {

std::string all_of_stdin() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

Ink ink_of_line(std::string_view line) {
  if (line.starts_with("+++") || line.starts_with("---")) return Ink::kBold;
  if (line.starts_with("@@")) return Ink::kDim;
  if (line.starts_with('+')) return Ink::kGreen;
  if (line.starts_with('-')) return Ink::kRed;
  return Ink::kPlain;
}

}  // namespace

v1::PolicyState get_policy(Connection& connection, std::uint64_t revision) {
  v1::GetPolicyRequest request;
  request.set_revision(revision);
  return connection.read(&PolicyStub::Get, request);
}

policy::Policy policy_of(const v1::PolicyState& state) {
  rpc::PolicyReading reading = rpc::from_message(state.policy());
  if (reading.policy) return *std::move(reading.policy);
  throw Failed(
      kExitFailed,
      "pulsed's policy says what this pulsectl does not know; use the pulsectl of its version:\n" +
          rpc::text(reading.faults));
}

policy::Policy read_policy_text(const std::string& text, const std::string& source) {
  config::Outcome<policy::Policy> outcome = config::read_policy(text, source);
  for (const auto& warning : outcome.warnings) {
    std::cerr << printable_lines(config::text(warning)) << '\n';
  }
  if (outcome) return *std::move(outcome.value);
  std::string mistakes = "the policy is refused:";
  for (const auto& error : outcome.errors) mistakes += "\n" + config::text(error);
  throw Failed(kExitUsage, mistakes);
}

policy::Policy read_policy_file(const std::string& file) {
  if (file == "-") return read_policy_text(all_of_stdin(), "stdin");
  const config::FileText text = config::read_file(file);
  if (!text.text) {
    throw Failed(kExitUsage, file + ": " + (text.missing ? "no such file" : text.fault));
  }
  return read_policy_text(*text.text, file);
}

NamedPolicy named(const v1::PolicyState& state) {
  return {"revision " + std::to_string(state.revision().revision()), policy_of(state)};
}

NamedPolicy revision_or_file(Connection& connection, const std::string& text) {
  std::uint64_t revision = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (read.ec == std::errc{} && read.ptr == text.data() + text.size() && revision > 0) {
    return named(get_policy(connection, revision));
  }
  return {text == "-" ? "stdin" : text, read_policy_file(text)};
}

std::string diff_of(const NamedPolicy& from, const NamedPolicy& to) {
  return revisions::diff(from.policy, to.policy, from.name, to.name);
}

std::string in_colour(const std::string& diff, const Terminal& terminal) {
  std::string out;
  for (std::size_t begin = 0; begin < diff.size();) {
    const std::size_t end = std::min(diff.find('\n', begin), diff.size());
    const std::string line = printable(std::string_view(diff).substr(begin, end - begin));
    out += inked(terminal, ink_of_line(line), line) + "\n";
    begin = end + 1;
  }
  return out;
}

std::string revision_line(const v1::Revision& revision) {
  std::string line = "revision " + std::to_string(revision.revision());
  const std::string author = text(revision.author());
  if (!author.empty()) line += ", by " + printable(author);
  if (revision.has_created_at()) line += ", " + date_text(revision.created_at());
  if (revision.rolled_back_to() > 0) {
    line += ", a rollback to revision " + std::to_string(revision.rolled_back_to());
  }
  if (!revision.comment().empty()) line += ", \"" + printable(revision.comment()) + "\"";
  return line;
}

}  // namespace pulsed::ctl
