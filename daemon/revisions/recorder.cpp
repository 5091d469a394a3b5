#include "daemon/revisions/recorder.h"

#include <utility>

#include "daemon/config/policy_yaml.h"

namespace pulsed::revisions {

Recorder::Recorder(const std::filesystem::path& state_dir, Log log, Disk& disk, KeptRevisions& kept)
    : log_(std::move(log)), kept_(kept), directory_(state_dir, disk) {
  load();
  if (!directory_.fault().empty()) live_in_memory(directory_.fault());
}

void Recorder::load() {
  const StateDirectory::Contents contents = directory_.contents();
  highest_ = contents.highest;
  for (const std::uint64_t number : contents.unacknowledged) {
    say(Gravity::kInfo, "nobody was told of revision " + std::to_string(number) +
                            ", whose commit was cut off or refused: it does not count");
  }
  WhyNot unknown;  // what the newest say
  for (const std::uint64_t number : contents.revisions) {
    Loaded loaded = load(number);
    if (loaded.unknown) unknown = std::move(loaded.unknown);
    if (!loaded.revision) continue;
    unknown.reset();
    on_disk_.push_back(number);
    imported_ = std::move(loaded.revision->imported);
    kept_.add(std::make_shared<const Revision>(std::move(loaded.revision->revision)));
  }
  if (unknown) directory_.give_up(*unknown);
  if (on_disk_.empty()) return;
  const RevisionPtr newest = kept_.current();
  say(Gravity::kInfo, "policy revision " + std::to_string(newest->number) + " by " +
                          text(newest->author) + " is the newest on disk");
  remove_oldest();
}

// One that is torn is none: the one before it counts. One that we fail to read, or to understand, stays for whoever does.
Recorder::Loaded Recorder::load(std::uint64_t number) {
  const std::string path = directory_.path_of(number).string();
  const auto unknown = [&](const std::string& why) {
    say(Gravity::kError, why + "; until it reads, the revision before it counts");
    return Loaded{{}, why};
  };
  const auto bytes = directory_.read(number);
  if (!bytes) return unknown(bytes.fault);
  auto stored = decode(*bytes.value, path);
  if (stored && stored.value->revision.number == number) return {std::move(stored.value), {}};
  if (!stored && is_whole(*bytes.value)) {
    return unknown(path +
                   " is of another pulsed (use that one, or remove the file): " + stored.fault);
  }
  const std::string why = stored ? "it says that it is another revision" : stored.fault;
  const WhyNot stays = directory_.fault().empty() ? directory_.set_aside(number) : WhyNot{};
  say(Gravity::kError, path + " does not read, so the revision before it counts: " + why +
                           (stays ? "; and " + *stays : ""));
  return {};
}

Recorder::Outcome Recorder::import(const std::optional<policy::Policy>& file,
                                   const Author& author) {
  const RevisionPtr current = kept_.current();
  if (file && is_new(*file)) return record({.policy = *file, .author = author}, true);
  if (current->number == 0) return record({.policy = {}, .author = {}}, true);
  if (file) say_it_stays(author);
  return current;
}

bool Recorder::is_new(const policy::Policy& file) const {
  if (!imported_) return true;
  const auto before = config::read_policy(imported_->policy, "what was imported");
  return !before || *before.value != file;
}

void Recorder::say_it_stays(const Author& author) {
  const RevisionPtr current = kept_.current();
  if (current->number == imported_->revision) return;
  say(Gravity::kInfo, text(author) + " is unchanged since revision " +
                          std::to_string(imported_->revision) + "; revision " +
                          std::to_string(current->number) + " by " + text(current->author) +
                          " is in force");
}

Recorder::Outcome Recorder::commit(Change change) {
  const std::uint64_t current = kept_.current()->number;
  if (change.expected && *change.expected != current) {
    return Refused{Refusal::kStale, "revision " + std::to_string(current) +
                                        " is in force; the change was made from revision " +
                                        std::to_string(*change.expected)};
  }
  return record(std::move(change), false);
}

Recorder::Outcome Recorder::record(Change change, bool from_file) {
  StoredRevision stored{{.number = highest_ + 1,
                         .policy = std::move(change.policy),
                         .author = std::move(change.author),
                         .comment = std::move(change.comment),
                         .created = std::chrono::system_clock::now(),
                         .rolled_back_to = change.rolled_back_to},
                        imported_};
  if (from_file && stored.revision.author.kind == Author::Kind::kFile) {
    stored.imported = {stored.revision.number, config::to_yaml(stored.revision.policy)};
  }
  if (const WhyNot why = store(stored)) {
    store_failures_.fetch_add(1, std::memory_order_relaxed);  // a statistic
    // The file is there for the next start; a daemon that runs keeps to what is on disk.
    const bool in_memory = from_file && (!put_in_force_ || !not_durable().empty());
    if (!in_memory) return Refused{Refusal::kNotStored, *why};
    live_in_memory(*why);
  } else {
    on_disk_.push_back(stored.revision.number);
    become_durable();
  }
  highest_ = stored.revision.number;
  imported_ = std::move(stored.imported);
  const auto revision = std::make_shared<const Revision>(std::move(stored.revision));
  if (put_in_force_) put_in_force_(revision);
  kept_.add(revision);
  // Of the others whoever made them hears.
  if (from_file) {
    say(Gravity::kInfo, "policy revision " + std::to_string(revision->number) + " was made by " +
                            text(revision->author));
  }
  remove_oldest();
  return revision;
}

// What is put in force is what a later start would read.
WhyNot Recorder::store(StoredRevision& stored) {
  if (!directory_.fault().empty()) return directory_.fault();
  const std::string bytes = encode(stored);
  auto again = decode(bytes, "the revision");
  if (!again || again.value->revision.policy != stored.revision.policy) {
    return "it would not read back: " + (again ? "its policy.yaml differs" : again.fault);
  }
  WhyNot why = directory_.write(stored.revision.number, bytes);
  if (!why) stored = std::move(*again.value);
  return why;
}

void Recorder::start(RevisionStore::PutInForce put_in_force) {
  put_in_force_ = std::move(put_in_force);
}

void Recorder::live_in_memory(const std::string& why) {
  if (!not_durable().empty()) return;
  const bool for_good = !directory_.fault().empty();
  say(Gravity::kWarning,
      "changes of the policy over the API are refused, all else works: " + why +
          (for_good ? "" : "; mend that, or choose another directory with --state-dir"));
  const std::lock_guard lock(mutex_);
  not_durable_ = why;
}

void Recorder::become_durable() {
  if (not_durable().empty()) return;
  say(Gravity::kInfo, "policy revisions are stored again");
  const std::lock_guard lock(mutex_);
  not_durable_.clear();
}

std::string Recorder::not_durable() const {
  const std::lock_guard lock(mutex_);
  return not_durable_;
}

// One more than needed costs little; what stays is tried again with the next.
void Recorder::remove_oldest() {
  while (directory_.fault().empty() && on_disk_.size() > RevisionStore::kKept) {
    if (const WhyNot why = directory_.remove(on_disk_.front())) {
      if (*why != said_) say(Gravity::kWarning, *why);
      said_ = *why;
      return;
    }
    on_disk_.pop_front();
  }
}

void Recorder::say(Gravity gravity, const std::string& line) const {
  if (log_) log_(gravity, line);
}

}  // namespace pulsed::revisions
