#include "daemon/ctl/list.h"

namespace pulsed::ctl {
namespace {

void add_text(CLI::App& command, const std::string& flag, const std::string& help,
              std::function<void(const std::string&)> take) {
  command.add_option_function<std::string>(flag, std::move(take), help)->type_name("GLOB");
}

}  // namespace

void add_filter(CLI::App& command, v1::Filter& filter, FilterBy by) {
  add_text(command, "--service", "only services of such a name; * and ? are wildcards",
           [&filter](const std::string& glob) { filter.set_service(glob); });
  if (by != FilterBy::kServiceAndClass) return;
  add_text(command, "--class", "only task classes of such a name",
           [&filter](const std::string& glob) { filter.set_class_(glob); });
}

}  // namespace pulsed::ctl
