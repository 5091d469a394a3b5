#include "daemon/revisions/revision_store.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "daemon/config/policy_yaml.h"
#include "daemon/revisions/disk.h"
#include "daemon/revisions/line_diff.h"
#include "daemon/revisions/recorder.h"

namespace pulsed::revisions {

using Kind = Author::Kind;

std::string text(const Author& author) {
  switch (author.kind) {
    case Kind::kBuiltIn:
      break;
    case Kind::kFile:
      return "file " + author.name;
    case Kind::kUid:
      return "uid " + std::to_string(author.uid);
    case Kind::kCertificate:
      return "certificate " + author.name;
  }
  return "built-in";
}

// Jobs for the one thread that may use the recorder.
struct RevisionStore::State {
  using Job = std::function<void()>;

  State(const std::filesystem::path& state_dir, Log log, Disk* given)
      : recorder(state_dir, std::move(log), given != nullptr ? *given : disk, kept) {}

  void run() {
    ::pthread_setname_np(::pthread_self(), "pulsed-store");
    while (const Job job = next()) job();
  }

  // Empty: we stop, and nothing waits any more.
  Job next() {
    std::unique_lock lock(mutex);
    more.wait(lock, [this] { return !jobs.empty() || stopping; });
    if (jobs.empty()) return {};
    Job job = std::move(jobs.front());
    jobs.pop_front();
    return job;
  }

  // Why it was not taken; nothing: it was.
  std::optional<Refused> add(Job job, std::size_t most) {
    {
      const std::lock_guard lock(mutex);
      if (stopping) return Refused{Refusal::kStopping, "pulsed is stopping"};
      if (jobs.size() >= most) {
        return Refused{Refusal::kNotStored,
                       std::to_string(jobs.size()) + " changes of the policy wait already"};
      }
      jobs.push_back(std::move(job));
    }
    more.notify_one();
    return {};
  }

  Disk disk;
  KeptRevisions kept;
  Recorder recorder;

  std::mutex mutex;
  std::condition_variable more;
  std::deque<Job> jobs;
  bool stopping = false;
  std::thread thread;
};

RevisionStore::RevisionStore(const std::filesystem::path& state_dir, Log log, Disk* disk)
    : state_(std::make_unique<State>(state_dir, std::move(log), disk)) {
  state_->thread = std::thread([this] { state_->run(); });
}

RevisionStore::~RevisionStore() { stop(); }

void RevisionStore::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->more.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

RevisionStore::Outcome RevisionStore::import(const std::optional<policy::Policy>& file,
                                             const Author& author) {
  std::promise<Outcome> made;
  const auto refused =
      state_->add([&] { made.set_value(state_->recorder.import(file, author)); }, SIZE_MAX);
  if (refused) return *refused;
  return made.get_future().get();
}

void RevisionStore::start(PutInForce put_in_force) {
  std::promise<void> started;
  const auto refused = state_->add(
      [&] {
        state_->recorder.start(std::move(put_in_force));
        started.set_value();
      },
      SIZE_MAX);
  if (!refused) started.get_future().get();
}

void RevisionStore::commit(Change change, std::function<void(Outcome)> done) {
  const auto shared = std::make_shared<std::function<void(Outcome)>>(std::move(done));
  const auto refused =
      state_->add([state = state_.get(), change = std::move(change),
                   shared]() mutable { (*shared)(state->recorder.commit(std::move(change))); },
                  kMostWaiting);
  if (refused) (*shared)(*refused);
}

RevisionPtr RevisionStore::current() const { return state_->kept.current(); }

RevisionPtr RevisionStore::find(std::uint64_t number) const { return state_->kept.find(number); }

std::vector<RevisionPtr> RevisionStore::list(std::uint64_t before, std::size_t most) const {
  return state_->kept.list(before, most);
}

bool RevisionStore::wait(std::uint64_t number, std::chrono::milliseconds patience) const {
  return state_->kept.wait(number, patience);
}

std::string RevisionStore::not_durable() const { return state_->recorder.not_durable(); }

std::uint64_t RevisionStore::store_failures() const { return state_->recorder.store_failures(); }

std::string diff(const policy::Policy& from, const policy::Policy& to, const std::string& from_name,
                 const std::string& to_name) {
  return unified_diff(config::to_yaml(from), config::to_yaml(to), from_name, to_name);
}

}  // namespace pulsed::revisions
