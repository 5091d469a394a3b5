// Policies as the commands under `policy` read and show them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "daemon/ctl/program.h"
#include "daemon/policy/policy.h"

namespace pulsed::ctl {

using PolicyStub = v1::PolicyService::StubInterface;

// The one in force (0), or that revision. Throws Failed.
[[nodiscard]] v1::PolicyState get_policy(Connection& connection, std::uint64_t revision = 0);
// Throws Failed if it says more than this pulsectl knows.
[[nodiscard]] policy::Policy policy_of(const v1::PolicyState& state);

// policy.yaml as people write it; "-" is stdin. Throws Failed with every mistake, one a line: file:line:column.
[[nodiscard]] policy::Policy read_policy_file(const std::string& file);
[[nodiscard]] policy::Policy read_policy_text(const std::string& text, const std::string& source);

struct NamedPolicy {
  std::string name;  // "revision 12", or the file
  policy::Policy policy;
};
[[nodiscard]] NamedPolicy named(const v1::PolicyState& state);
// A number names a revision, everything else a file.
[[nodiscard]] NamedPolicy revision_or_file(Connection& connection, const std::string& text);

// Unified, over their policy.yaml; empty: they are the same.
[[nodiscard]] std::string diff_of(const NamedPolicy& from, const NamedPolicy& to);
// Printable, line by line.
[[nodiscard]] std::string in_colour(const std::string& diff, const Terminal& terminal);

// "revision 12, by uid 1000, 2024-05-17 12:03:01, \"tighter\""
[[nodiscard]] std::string revision_line(const v1::Revision& revision);

}  // namespace pulsed::ctl
