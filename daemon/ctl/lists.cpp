// `pulsectl services`, `tasks` and `workers`.
#include <tuple>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/list.h"
#include "daemon/ctl/output/quantity.h"

namespace pulsed::ctl {
namespace {

using Monitor = v1::MonitorService::StubInterface;

Cell alarming(std::uint64_t count, Ink ink) {
  return {human(count), count > 0 ? ink : Ink::kPlain};
}

Table services_table(const v1::ListServicesResponse& response) {
  Table table({{"SERVICE"},
               {"PID", Align::kRight},
               {"UID", Align::kRight, 3},
               {"AGE", Align::kRight, 4},
               {"WORKERS", Align::kRight},
               {"SPARES", Align::kRight, 2},
               {"TASKS", Align::kRight},
               {"ABOVE", Align::kRight},
               {"OVER_BUDGET", Align::kRight},
               {"LONGEST", Align::kRight},
               {"DEMOTED", Align::kRight, 1},
               {"DROPPED", Align::kRight, 5},
               {"ABI", Align::kLeft, 6},
               {"STATE"}});
  const auto now = std::chrono::system_clock::now();
  for (const v1::ServiceInfo& s : response.services()) {
    table.add({s.service(), std::to_string(s.pid()), std::to_string(s.uid()),
               human(age(s.attached_at(), now)), human(s.workers()),
               human(s.spare_workers_awake()) + "/" +
                   human(s.spare_workers_awake() + s.spare_workers_parked()),
               human(s.tasks()), alarming(s.tasks_above_monitor(), Ink::kYellow),
               alarming(s.in_flight_over_budget(), Ink::kRed), human_if_any(s.longest_in_flight()),
               alarming(s.demoted_threads(), Ink::kYellow),
               alarming(s.dropped_samples(), Ink::kYellow), s.abi(),
               s.quarantined() ? Cell("quarantined", Ink::kRed) : Cell("ok", Ink::kGreen)});
  }
  return table;
}

Table tasks_table(const v1::ListTasksResponse& response) {
  Table table({{"SERVICE"},
               {"PID", Align::kRight},
               {"CLASS"},
               {"SLOT", Align::kRight},
               {"GENERATION", Align::kRight, 1},
               {"TIER"}});
  for (const v1::TaskInfo& t : response.tasks()) {
    table.add({t.service(),
               std::to_string(t.pid()),
               t.class_(),
               std::to_string(t.slot()),
               std::to_string(t.generation()),
               {word(t.tier()), ink_of(t.tier())}});
  }
  return table;
}

std::string kind_text(const v1::WorkerInfo& w) {
  if (w.kind() != v1::WorkerInfo::KIND_SPARE) return word(w.kind());
  return w.awake() ? "spare, awake" : "spare, parked";
}

std::string marks(const v1::InFlightPoll& poll) {
  if (poll.over_budget() && poll.demoted()) return "over budget, demoted";
  return poll.over_budget() ? "over budget" : (poll.demoted() ? "demoted" : "");
}

Table workers_table(const v1::ListWorkersResponse& response) {
  Table table({{"SERVICE"},
               {"PID", Align::kRight},
               {"WORKER", Align::kRight},
               {"THREAD", Align::kLeft, 1},
               {"TID", Align::kRight, 4},
               {"KIND", Align::kLeft, 3},
               {"IN_FLIGHT"},
               {"TIER"},
               {"AGE", Align::kRight},
               {"CPU", Align::kRight},
               {"BLAME", Align::kLeft, 2},
               {"NOTE"}});
  for (const v1::WorkerInfo& w : response.workers()) {
    std::vector<Cell> row{
        w.service(),     std::to_string(w.pid()),       std::to_string(w.worker()),
        w.thread_name(), std::to_string(w.thread_id()), kind_text(w)};
    if (w.has_in_flight()) {
      const v1::InFlightPoll& poll = w.in_flight();
      const Ink ink = poll.over_budget() ? Ink::kRed : Ink::kPlain;
      row.insert(row.end(),
                 {Cell(poll.class_().empty() ? "(no class)" : poll.class_(), ink),
                  Cell(word(poll.tier()), ink_of(poll.tier())), Cell(human(poll.age()), ink),
                  human(poll.cpu()), word(poll.blame()), Cell(marks(poll), ink)});
    }
    table.add(std::move(row));
  }
  return table;
}

// Polls over their budget first, then by their age.
bool worse(const v1::WorkerInfo& a, const v1::WorkerInfo& b) {
  const auto badness = [](const v1::WorkerInfo& w) {
    return std::tuple(w.has_in_flight() && w.in_flight().over_budget(),
                      w.has_in_flight() ? nanoseconds(w.in_flight().age()) : Nanoseconds{-1});
  };
  const auto place = [](const v1::WorkerInfo& w) { return std::tie(w.service()); };
  if (badness(a) != badness(b)) return badness(a) > badness(b);
  if (place(a) != place(b)) return place(a) < place(b);
  return std::tuple(a.pid(), a.worker()) < std::tuple(b.pid(), b.worker());
}

bool higher(const v1::TaskInfo& a, const v1::TaskInfo& b) {
  return std::tuple(-a.tier(), a.service(), a.class_(), a.pid(), a.slot()) <
         std::tuple(-b.tier(), b.service(), b.class_(), b.pid(), b.slot());
}

void add_services(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("services", "the attached processes");
  auto request = std::make_shared<v1::ListServicesRequest>();
  add_filter(*command, *request->mutable_filter(), FilterBy::kService);
  on_command(*command, program, [&program, request] {
    auto response = program.connection().read(&Monitor::ListServices, *request);
    sort_records(*response.mutable_services(), [](const auto& a, const auto& b) {
      return std::tuple(a.service(), a.pid()) < std::tuple(b.service(), b.pid());
    });
    print_list(program, response, services_table);
    return kExitOk;
  });
}

void add_tasks(CLI::App& app, Program& program) {
  CLI::App* command =
      app.add_subcommand("tasks", "the tasks above tier monitor, the highest first");
  auto request = std::make_shared<v1::ListTasksRequest>();
  add_filter(*command, *request->mutable_filter(), FilterBy::kServiceAndClass);
  command
      ->add_option_function<std::uint32_t>(
          "--limit", [request](std::uint32_t n) { request->set_limit(n); },
          "at most so many (default: 1000)")
      ->type_name("N")
      ->check(whole_number(1, 10000));
  on_command(*command, program, [&program, request] {
    auto response = program.connection().read(&Monitor::ListTasks, *request);
    sort_records(*response.mutable_tasks(), higher);
    print_list(program, response, tasks_table);
    if (response.left_out() > 0 && program.format() == Format::kTable) {
      std::cerr << "pulsectl: " << response.left_out() << " more were left out; see --limit\n";
    }
    return kExitOk;
  });
}

void add_workers(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand(
      "workers",
      "the threads that poll, and what they poll now; the longest over its budget first");
  auto request = std::make_shared<v1::ListWorkersRequest>();
  add_filter(*command, *request->mutable_filter(), FilterBy::kService);
  on_command(*command, program, [&program, request] {
    auto response = program.connection().read(&Monitor::ListWorkers, *request);
    sort_records(*response.mutable_workers(), worse);
    print_list(program, response, workers_table);
    return kExitOk;
  });
}

}  // namespace

void add_lists(CLI::App& app, Program& program) {
  add_services(app, program);
  add_tasks(app, program);
  add_workers(app, program);
}

}  // namespace pulsed::ctl
