#include "tests/integration/held/scene.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Stat {
  char state;
  pid_t parent;
};

std::optional<Stat> stat_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  if (!std::getline(file, text)) return {};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(text.substr(name_end + 1));
  Stat stat{};
  rest >> stat.state >> stat.parent;
  return stat;
}

}  // namespace

std::string hold_policy(const std::string& defaults, const std::string& enforcement,
                        const std::string& rules) {
  return "enforcement: " + enforcement + "\ndefaults:\n  reports_per_minute: 60000\n" + defaults +
         (rules.empty() ? "" : "rules:\n" + rules);
}

bool reload(DaemonProcess& daemon, const std::string& policy) {
  const double before = daemon.sum("pulsed_policy_reloads_total");
  daemon.write_policy(policy);
  daemon.process().signal(SIGHUP);
  return wait_until([&] { return daemon.sum("pulsed_policy_reloads_total") > before; });
}

bool demotes(const DaemonProcess& daemon) {
  if (daemon.sum("pulsed_can_demote") == 1) return true;
  MESSAGE("not run: without CAP_SYS_NICE no thread can be demoted");
  return false;
}

namespace {

// Takes what stands before `mark` off the text, and the mark; nothing if it is not there.
std::optional<std::string> take_until(std::string& text, const std::string& mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) return std::nullopt;
  std::string taken = text.substr(0, at);
  text.erase(0, at + mark.size());
  return taken;
}

// "... a poll of class C holds worker W for 1.2 ms, blocked in futex_wait_queue; it burned 0.1 ms"
std::optional<HeldLine> parse_held(std::string text) {
  if (!take_until(text, "a poll of class ")) return std::nullopt;
  const auto cls = take_until(text, " holds worker ");
  const auto worker = take_until(text, ") for ");
  const auto held_ms = take_until(text, " ms, ");
  auto blame = take_until(text, "; it burned ");
  const auto burned_ms = take_until(text, " ms");
  if (!cls || !worker || !held_ms || !blame || !burned_ms) return std::nullopt;
  std::string channel = *blame;
  const auto alone = take_until(channel, " in ");
  return HeldLine{*cls,
                  *worker + ")",
                  std::stod(*held_ms),
                  alone ? *alone : *blame,
                  alone ? channel : "",
                  std::stod(*burned_ms)};
}

}  // namespace

std::vector<HeldLine> held_lines(const std::string& log, const std::string& cls) {
  std::vector<HeldLine> lines;
  std::istringstream in(log);
  for (std::string line; std::getline(in, line);) {
    std::optional<HeldLine> held = parse_held(line);
    if (held && held->cls == cls) lines.push_back(std::move(*held));
  }
  return lines;
}

pid_t guardian_of(pid_t daemon) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::optional<Stat> stat = stat_of(name);
    if (stat && stat->parent == daemon && stat->state != 'Z') return std::stoi(name);
  }
  return 0;
}

// Its parent may be slow to reap it.
bool has_ended(pid_t pid) {
  const std::optional<Stat> stat = stat_of(std::to_string(pid));
  return !stat || stat->state == 'Z';
}

std::optional<double> back_after_ms(const PriorityWatch& watch) {
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + milliseconds{10'000} * slowness();
  while (someone_is_lowered(watch)) {
    if (Clock::now() > end) return {};
    std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

bool someone_is_lowered(const PriorityWatch& watch) { return !watch.changed().empty(); }

Distribution::Distribution(std::vector<double> values) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  p50 = at(0.5);
  p99 = at(0.99);
  most = values.back();
}

std::ostream& operator<<(std::ostream& out, const Distribution& d) {
  return out << "p50 " << d.p50 << " ms, p99 " << d.p99 << " ms, most " << d.most << " ms";
}

}  // namespace pulsed::test
