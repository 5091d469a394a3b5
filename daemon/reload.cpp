#include "daemon/reload.h"

#include <spdlog/spdlog.h>

#include <array>
#include <optional>
#include <utility>
#include <variant>

#include "daemon/process.h"
#include "daemon/sd_notify.h"

namespace pulsed {
namespace {

using revisions::Author;
using revisions::Refused;
using revisions::RevisionStore;

// The settings as the files have them now, their policy in force already.
std::optional<config::Settings> read_anew(const config::Sources& sources,
                                          const config::Settings& settings, RevisionStore& store) {
  config::Outcome<config::Settings> next = config::reload(sources, settings);
  for (const auto& warning : next.warnings) spdlog::warn("{}", text(warning));
  for (const auto& error : next.errors) spdlog::error("{}", text(error));
  if (!next) return {};
  const RevisionStore::Outcome imported = import_policy(store, *next.value);
  if (const auto* refused = std::get_if<Refused>(&imported)) {
    spdlog::error("{} was not imported: {}", next.value->config.policy.string(), refused->why);
    return {};
  }
  return std::move(next.value);
}

}  // namespace

void log_of_revisions(revisions::Gravity gravity, const std::string& line) {
  constexpr std::array kLevels{spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels[static_cast<std::size_t>(gravity)], "{}", line);
}

RevisionStore::Outcome import_policy(RevisionStore& store, const config::Settings& settings) {
  if (!settings.policy_file) return store.import({}, {});
  return store.import(settings.policy,
                      Author{Author::Kind::kFile, 0, settings.policy_file->string()});
}

void reload(const config::Sources& sources, config::Settings& settings, RevisionStore& store,
            Daemon& daemon) {
  sd_notify("RELOADING=1");
  if (auto next = read_anew(sources, settings, store)) {
    settings = std::move(*next);
    set_log_level(settings.config.log_level);
    daemon.reconfigure(settings.config);
  } else {
    daemon.note_reload_failure();
    spdlog::error("nothing was reloaded: the settings in force stay");
  }
  sd_notify("READY=1");
}

}  // namespace pulsed
