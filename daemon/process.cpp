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

void set_log_level(config::LogLevel level) {
  constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                              spdlog::level::err};
  spdlog::set_level(levels[static_cast<std::size_t>(level)]);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace pulsed
