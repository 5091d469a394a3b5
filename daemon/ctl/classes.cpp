// `pulsectl classes`: what is done to each task class, and what would be done were it enforced.
#include <tuple>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/list.h"
#include "daemon/ctl/output/quantity.h"

namespace pulsed::ctl {
namespace {

using Monitor = v1::MonitorService::StubInterface;

Table table_of(const v1::ListClassesResponse& response) {
  Table table({{"SERVICE"},
               {"CLASS"},
               {"ENFORCEMENT"},
               {"TIER"},
               {"TASKS", Align::kRight, 7},
               {"POLLS", Align::kRight, 8},
               {"CPU", Align::kRight, 3},
               {"P50", Align::kRight, 11},
               {"P99", Align::kRight, 4},
               {"WAIT_P99", Align::kRight, 9},
               {"VIOLATIONS", Align::kRight},
               {"YIELDS", Align::kRight, 5},
               {"ISOLATED", Align::kRight, 5},
               {"DEMOTIONS", Align::kRight, 6},
               {"WOULD_YIELD", Align::kRight, 1},
               {"WOULD_ISOLATE", Align::kRight, 1},
               {"WOULD_DEMOTE", Align::kRight, 2},
               {"WOULD_WAKE", Align::kRight, 10},
               {"WOULD_CPU", Align::kRight}});
  for (const v1::ClassInfo& c : response.classes()) {
    std::uint64_t tasks = 0;
    for (const std::uint64_t n : c.tasks_by_tier()) tasks += n;
    const bool pinned = c.pinned() != v1::TIER_UNSPECIFIED;
    const v1::Tier tier = pinned ? c.pinned() : c.tier();
    table.add({c.service(),
               c.class_().empty() ? "(no class)" : c.class_(),
               word(c.enforcement()),
               {word(tier) + (pinned ? " (pinned)" : ""), ink_of(tier)},
               human(tasks),
               human(c.polls()),
               human(c.cpu_time()),
               human_if_any(c.poll_p50()),
               human_if_any(c.poll_p99()),
               human_if_any(c.queue_wait_p99()),
               {human(c.violations()), c.violations() > 0 ? Ink::kYellow : Ink::kPlain},
               human(c.yields()),
               human(c.isolated_polls()),
               human(c.demotions()),
               human(c.would_be().yields()),
               human(c.would_be().isolated_polls()),
               human(c.would_be().demotions()),
               human(c.would_be().spare_wakes()),
               human(c.would_be().cpu_time())});
  }
  return table;
}

// What broke its budget most comes first.
bool worse(const v1::ClassInfo& a, const v1::ClassInfo& b) {
  const auto badness = [](const v1::ClassInfo& c) {
    return std::tuple(c.violations(), nanoseconds(c.cpu_time()));
  };
  if (badness(a) != badness(b)) return badness(a) > badness(b);
  return std::tuple(a.service(), a.class_()) < std::tuple(b.service(), b.class_());
}

}  // namespace

void add_classes(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand(
      "classes",
      "the task classes: what they use, what is done to them and what would be; the worst first");
  command->footer(
      "\nTotals since pulsed started. The WOULD_ columns count what enforcement would have done "
      "while a class\n"
      "was in shadow, and the CPU time of those polls; YIELDS, ISOLATED and DEMOTIONS count what "
      "was done.\n");
  auto request = std::make_shared<v1::ListClassesRequest>();
  add_filter(*command, *request->mutable_filter(), FilterBy::kServiceAndClass);
  on_command(*command, program, [&program, request] {
    auto response = program.connection().read(&Monitor::ListClasses, *request);
    sort_records(*response.mutable_classes(), worse);
    print_list(program, response, table_of);
    return kExitOk;
  });
}

}  // namespace pulsed::ctl
