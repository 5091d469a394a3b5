// Both files, at the start and anew on SIGHUP: the config goes to the daemon, the policy by way of the revision store.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/daemon.h"
#include "daemon/revisions/revision_store.h"

namespace pulsed {

// To the daemon's log.
void log_of_revisions(revisions::Gravity gravity, const std::string& line);

// What policy.yaml says, made a revision if that is new.
[[nodiscard]] revisions::RevisionStore::Outcome import_policy(revisions::RevisionStore& store,
                                                              const config::Settings& settings);

// All of both files, or nothing and a reload failure, with its reason in the log.
void reload(const config::Sources& sources, config::Settings& settings,
            revisions::RevisionStore& store, Daemon& daemon);

}  // namespace pulsed
