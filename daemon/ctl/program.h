// What the command line has chosen, and what every command works with.
#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/connection.h"
#include "daemon/ctl/endpoint.h"
#include "daemon/ctl/output/format.h"

namespace pulsed::ctl {

class Program {
 public:
  // What the options before and behind every command say.
  struct Options {
    EndpointFlags endpoint;
    std::string output = "table";
    std::string color = "auto";
    bool version = false;
  };
  Options options;

  // Set by the command that was given; returns the exit code, or throws Failed.
  std::function<int()> action;

  // The daemon, as the options name it. Throws Failed.
  [[nodiscard]] Endpoint endpoint() const;
  [[nodiscard]] Connection& connection();
  [[nodiscard]] Format format() const;
  [[nodiscard]] Terminal terminal() const;  // of stdout

 private:
  std::unique_ptr<Connection> connection_;
};

// Lets `command` leave its action behind when it is the one that was given.
void on_command(CLI::App& command, Program& program, std::function<int()> action);

// For an option or argument that takes digits and nothing else, from `least` to `most`.
[[nodiscard]] CLI::Validator whole_number(
    std::uint64_t least, std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

// Throws Failed if what was printed on stdout could not be written, as on a full disk.
void check_written();

// An option of one of `words`; completion offers them.
template <std::size_t N>
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& value,
                        const std::array<std::string_view, N>& words, const std::string& help) {
  const std::vector<std::string> known(words.begin(), words.end());
  std::string kind;
  for (const std::string& word : known) kind += (kind.empty() ? "" : "|") + word;
  return app.add_option(name, value, help)
      ->type_name(kind)
      ->check(CLI::IsMember(known).description(""));
}

}  // namespace pulsed::ctl
