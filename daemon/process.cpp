#include "daemon/process.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <array>

namespace pulsed {

void log_from_a_thread_of_its_own() {
  constexpr std::size_t kLines = 8192;
  spdlog::init_thread_pool(kLines, 1);
  spdlog::set_default_logger(
      spdlog::create_async_nb<spdlog::sinks::stdout_color_sink_mt>("pulsed"));
  spdlog::set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%^%l%$] %v");
  spdlog::flush_on(spdlog::level::info);
}

std::uint64_t log_lines_dropped() {
  const auto pool = spdlog::thread_pool();
  return pool ? pool->overrun_counter() : 0;
}

void set_log_level(config::LogLevel level) {
  constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                              spdlog::level::err};
  spdlog::set_level(levels[static_cast<std::size_t>(level)]);
}

std::function<void(const std::string&)> record_of(const std::string& what) {
  // Not registered, so that set_log_level does not find it.
  const std::shared_ptr<spdlog::logger> logger = spdlog::default_logger()->clone(what);
  logger->set_level(spdlog::level::info);
  return [logger, what](const std::string& line) { logger->info("{}: {}", what, line); };
}

Demotion::Demotion(const std::string& run_dir) {
  try {
    ledger_.emplace(run_dir + "/demotions");
    left_behind_ = ledger_->restore_all();
    if (act::may_set_priorities()) {
      guardian_.emplace(*ledger_);
    } else {
      why_not_ =
          "no right to set OS priorities; grant CAP_SYS_NICE (systemd: "
          "AmbientCapabilities=CAP_SYS_NICE; docker: --cap-add SYS_NICE)";
    }
  } catch (const std::exception& e) {
    why_not_ = e.what();
  }
}

act::Demoter Demotion::demoter() {
  return {ledger_ ? &*ledger_ : nullptr, guardian_ ? &*guardian_ : nullptr};
}

void Demotion::say() const {
  if (ledger_ && !ledger_->replaced().empty()) {
    spdlog::warn("the ledger of demoted threads was made anew: {}", ledger_->replaced());
  }
  if (left_behind_.restored != 0) {
    spdlog::warn(
        "{} threads that a pulsed before this one had lowered are back at their own priority",
        left_behind_.restored);
  }
  if (left_behind_.failed != 0) {
    spdlog::error(
        "{} threads that a pulsed before this one had lowered stay so: we may not raise them; "
        "start pulsed with CAP_SYS_NICE once",
        left_behind_.failed);
  }
  if (!guardian_) {
    spdlog::warn("threads held by hogs are not demoted, all else works: {}", why_not_);
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace pulsed
