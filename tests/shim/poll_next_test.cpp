// pulsed_poll_next is pulsed_poll_end and pulsed_poll_begin with one reading of the clock: whatever a worker does
// beside, the daemon finds the same.
#include <algorithm>
#include <array>
#include <random>

#include "tests/shim/attached_service.h"
#include "tests/shim/plain_worker.h"

namespace pulsed::test {
namespace {

constexpr shm::Dimensions kTight{1, 128, 64, 4};

void next(pulsed_task task, bool in_one) {
  if (in_one) {
    pulsed_poll_next(task);
  } else {
    pulsed_poll_end();
    pulsed_poll_begin(task);
  }
}

enum class Call {
  kNext,
  kBegin,
  kEnd,
  kDeschedule,
  kReclassify,
  kMeasure,
  kAsk,
  kYield,
  kLongPolls,
  kClockBack,
  kDrain,
};

struct Step {
  Call call;
  pulsed_task task;
  std::uint32_t n;
};

std::vector<Step> random_steps(std::uint32_t seed) {
  const std::array<pulsed_task, 6> tasks{task_with(20, 1), task_with(21, 1), task_with(22, 2),
                                         task_with(23, 2), task_with(0, 1),  task_with(0, 2)};
  // Of each kind so many, so that all of them meet, and polls go by untouched too.
  std::minstd_rand random(seed);
  std::discrete_distribution<int> calls{40, 10, 12, 6, 4, 6, 6, 6, 2, 1, 1};
  std::vector<Step> steps;
  for (int i = 0; i < 500; ++i) {
    steps.push_back({static_cast<Call>(calls(random)), tasks[random() % tasks.size()],
                     static_cast<std::uint32_t>(random())});
  }
  return steps;
}

// What can be seen after a step, by the daemon or by the worker; times are not compared.
struct Seen {
  std::uint64_t task;
  bool new_start;
  std::uint64_t current;
  bool ends_slowly;
  std::uint32_t depth;
  std::uint32_t flattened;
  std::uint32_t measured;
  bool marked;
  bool asked;
  std::uint64_t written;
  std::uint64_t dropped;
  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Outcome {
  std::vector<Seen> seen;               // by step
  std::vector<std::uint64_t> samples;   // their references
  std::vector<std::uint64_t> polls;     // by slot
  std::vector<pulsed_class_totals> of;  // by class
  std::uint64_t usage_ticks = 0;        // of all tasks
};

class Run {
 public:
  explicit Run(bool in_one) : in_one_(in_one) {
    w_.play_kernel();
    long_poll_ = w_.page.hot.long_poll;
    w_.segments.attachment->daemon.daemon->lease_ticks = UINT64_MAX;
  }

  Outcome of(const std::vector<Step>& steps) {
    Outcome out;
    for (const Step& step : steps) {
      take(step, out);
      out.seen.push_back(look());
    }
    while (w_.page.hot.current != 0) pulsed_poll_end();
    drain_into(out);
    const shim::Attachment& a = *w_.segments.attachment;
    for (std::uint32_t slot = 0; slot < kTight.tasks; ++slot) {
      out.polls.push_back(a.service.usage[slot] & 0xffffff);
      out.usage_ticks += a.service.usage[slot] >> PULSED_USAGE_TICKS_SHIFT;
    }
    for (std::uint32_t cls = 0; cls < kTight.classes; ++cls) {
      out.of.push_back(a.service.totals[cls]);
    }
    return out;
  }

 private:
  void take(const Step& step, Outcome& out) {
    const shim::Attachment& a = *w_.segments.attachment;
    pulsed_hot& hot = w_.page.hot;
    std::uint32_t& word = a.daemon.tasks[step.task.ref & PULSED_REF_SLOT_MASK];
    switch (step.call) {
      case Call::kNext:
        next(step.task, in_one_);
        return;
      case Call::kBegin:
        pulsed_poll_begin(step.task);
        return;
      case Call::kEnd:
        pulsed_poll_end();
        return;
      case Call::kDeschedule:
        w_.rseq = 0;
        return;
      case Call::kReclassify:
        shim::reclassify_poll(step.task.ref, static_cast<std::uint16_t>(step.n % kTight.classes));
        return;
      case Call::kMeasure:
        word = word == 0 ? FakeDaemon::word(3, PULSED_DIRECTIVE_MEASURE) : 0;
        return;
      case Call::kAsk:
        a.daemon.workers[0].yield_start = w_.line().start;
        return;
      case Call::kYield:
        pulsed_yielding();
        return;
      case Call::kLongPolls:
        hot.long_poll = hot.long_poll == 0 ? long_poll_ : 0;
        return;
      case Call::kClockBack:
        hot.start += 1'000'000'000;
        w_.line().start = hot.start;
        return;
      case Call::kDrain:
        drain_into(out);
        return;
    }
  }

  Seen look() {
    const pulsed_hot& hot = w_.page.hot;
    const std::uint64_t start = w_.line().start;
    const bool new_start = start != std::exchange(last_start_, start);
    return {w_.line().task,   new_start,           hot.current,
            hot.special != 0, w_.page.depth,       w_.page.flattened,
            w_.page.measured, w_.rseq == hot.mark, pulsed_should_yield() != 0,
            w_.line().write,  w_.line().dropped};
  }

  void drain_into(Outcome& out) {
    for (const pulsed_sample& s : drain(reader_)) out.samples.push_back(s.ref);
  }

  PlainWorker w_{0, kTight};
  shm::RingReader reader_ = w_.reader();
  const bool in_one_;
  std::uint64_t long_poll_ = 0;
  std::uint64_t last_start_ = 0;
};

// Guarantee: in whatever order polls begin, end, follow each other, nest, change their class, are measured, asked to
// yield, descheduled, long, or dropped by a full ring, every step leaves the same in the worker's line and page, and in
// the end the same samples, flags included, and the same counts.
TEST_CASE("any sequence with next leaves what it leaves with end and begin") {
  std::uint64_t exact = 0, measured = 0, yielded = 0, dropped = 0, samples = 0;
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const std::vector<Step> steps = random_steps(seed);
    const Outcome apart = Run(false).of(steps);
    const Outcome in_one = Run(true).of(steps);
    const auto differs =
        std::mismatch(in_one.seen.begin(), in_one.seen.end(), apart.seen.begin()).first;
    const auto step = static_cast<std::size_t>(differs - in_one.seen.begin());
    CAPTURE(step);
    REQUIRE((differs == in_one.seen.end()));
    CHECK(in_one.samples == apart.samples);
    CHECK(in_one.polls == apart.polls);
    std::uint64_t wall = 0;
    for (std::uint32_t cls = 0; cls < kTight.classes; ++cls) {
      CHECK(in_one.of[cls].polls == apart.of[cls].polls);
      CHECK(in_one.of[cls].cpu_polls == apart.of[cls].cpu_polls);
      CHECK(in_one.of[cls].yields == apart.of[cls].yields);
      wall += in_one.of[cls].wall_ticks;
    }
    CHECK(in_one.usage_ticks == wall);
    for (const std::uint64_t ref : in_one.samples) {
      exact += (ref & PULSED_FLAG_CPU_EXACT) != 0 ? 1 : 0;
      measured += (ref & PULSED_FLAG_CPU_MEASURED) != 0 ? 1 : 0;
      yielded += (ref & PULSED_FLAG_YIELDED) != 0 ? 1 : 0;
    }
    samples += in_one.samples.size();
    dropped += in_one.seen.back().dropped;
  }
  // That each of them came about is what makes it worth something.
  CHECK(exact > 0);
  CHECK(exact < samples);
  CHECK(measured > 0);
  CHECK(yielded > 0);
  CHECK(dropped > 0);
}

TEST_CASE("a poll begins at the tick at which the one before it ended") {
  PlainWorker w;
  shm::RingReader ring = w.reader();
  std::vector<std::uint64_t> starts;
  for (std::uint64_t i = 0; i < 50; ++i) {
    // A time slice may end within one of them: then it ends and begins as by two calls, which is another test.
    w.page.hot.long_poll = UINT64_MAX;
    pulsed_poll_next(task_with(20 + i % 2, 1));
    starts.push_back(w.line().start);
  }
  pulsed_poll_end();
  const std::vector<pulsed_sample> polls = drain(ring);
  REQUIRE(polls.size() == starts.size());
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    CHECK(task_of(polls[i].ref) == task_with(20 + i % 2, 1).ref);
    CHECK(starts[i] + wall_of(polls[i]) == starts[i + 1]);
  }
}

TEST_CASE("without a poll in flight next begins one") {
  PlainWorker w;
  pulsed_poll_next(task_with(20, 1));
  CHECK(task_of(w.line().task) == task_with(20, 1).ref);
  CHECK(w.line().write == 0);
  pulsed_poll_end();
  CHECK(w.line().task == 0);
  CHECK(w.line().write == 1);
}

TEST_CASE("that one poll was descheduled says nothing against the next") {
  PlainWorker w;
  w.play_kernel();
  shm::RingReader ring = w.reader();
  pulsed_poll_next(task_with(20, 1));
  pulsed_poll_next(task_with(21, 1));
  w.rseq = 0;
  pulsed_poll_next(task_with(22, 1));
  pulsed_poll_next(task_with(23, 1));
  pulsed_poll_end();
  std::vector<bool> exact;
  for (const pulsed_sample& s : drain(ring)) exact.push_back((s.ref & PULSED_FLAG_CPU_EXACT) != 0);
  CHECK(exact == std::vector<bool>{true, false, true, true});
}

// Takes the portable clock for as long as it lives.
struct PortableClock {
  PortableClock() { pulsed_clock_is_tsc = 0; }
  ~PortableClock() { pulsed_clock_is_tsc = was; }
  const std::uint32_t was = pulsed_clock_is_tsc;
};

TEST_CASE("where the clock stands still no two polls begin at the same tick") {
  const PortableClock portable;
  PlainWorker w;
  shm::RingReader ring = w.reader();
  const std::uint64_t ahead = pulsed_now() + 3'600'000'000'000;  // it comes to it in an hour
  w.page.last_begin = ahead;
  std::vector<std::uint64_t> starts;
  for (int i = 0; i < 5; ++i) {
    pulsed_poll_begin(task_with(20, 1));
    starts.push_back(w.line().start);
    const std::uint64_t long_poll = std::exchange(w.page.hot.long_poll, UINT64_MAX);
    pulsed_poll_next(task_with(20, 1));  // in one, whatever the clock says
    w.page.hot.long_poll = long_poll;
    starts.push_back(w.line().start);
    pulsed_poll_begin(task_with(21, 1));  // inside
    starts.push_back(w.line().start);
    pulsed_poll_end();
    pulsed_poll_end();
  }
  for (std::size_t i = 0; i < starts.size(); ++i) CHECK(starts[i] > ahead);
  CHECK(std::adjacent_find(starts.begin(), starts.end(), std::greater_equal<>()) == starts.end());
  for (const pulsed_sample& s : drain(ring))
    CHECK(wall_of(s) <= 1);  // and not the clock's way round
}

TEST_CASE("a yield asked of one poll is not asked of the next, and is obeyed by the one") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  shm::RingReader ring = s.peer.ring(0);
  pulsed_poll_begin(task.handle());
  s.peer.ask_to_yield(0, s.line().start);
  CHECK(should_yield());
  yielding();
  pulsed_poll_next(task.handle());
  CHECK_FALSE(should_yield());
  yielding();
  pulsed_poll_end();
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 2);
  CHECK((polls[0].ref & PULSED_FLAG_YIELDED) != 0);
  CHECK((polls[1].ref & PULSED_FLAG_YIELDED) == 0);
  CHECK(s.totals(cls).yields == 1);
}

TEST_CASE("a worker changes over to a new daemon between two polls that follow each other") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  pulsed_poll_begin(task.handle());
  FakeDaemon::Peer old = std::move(s.peer);
  s.peer = {};
  old.socket.reset();
  while (s.session.attached()) std::this_thread::yield();
  s.accept();
  CHECK(s.line().task == 0);
  // As if it had been quick: nothing else sends it out of line.
  pulsed_tls_hot->start = pulsed_now();
  *pulsed_tls_hot->rseq_cs = pulsed_tls_hot->mark;
  pulsed_poll_next(task.handle());
  CHECK(task_of(s.line().task) == task.handle().ref);
  CHECK(old.service.totals[cls.id()].polls == 1);
  CHECK(s.totals(cls).polls == 0);
  pulsed_poll_next(task.handle());
  CHECK(s.totals(cls).polls == 1);
  pulsed_poll_end();
}

TEST_CASE("without a daemon, and on a thread that is no worker, next does nothing") {
  pulsed_poll_next({0});
  CHECK(pulsed_tls_hot == nullptr);
  Session session{{.run_dir = "/nonexistent"}};
  const Worker worker(session);
  pulsed_poll_next({0});
  pulsed_poll_next({0});
  pulsed_poll_end();
  CHECK(pulsed_tls_hot == nullptr);
}

TEST_CASE("a demoted poll's worker waits to be restored before the next poll begins") {
  AttachedService s;
  const Worker worker(s.session);
  const Task task = s.session.open(s.session.task_class("a"));
  pulsed_poll_begin(task.handle());
  const std::uint64_t start = s.line().start;
  const std::uint64_t long_poll =
      s.peer.end.daemon_header.ticks_per_second / 1'000'000 * PULSED_SHORTEST_DEMOTED_US;
  while (pulsed_now() - start < long_poll) continue;
  s.peer.mark_demoted(0, start);
  // Nobody lowered it, and while the lease holds that is believed only after a while: it did wait.
  const auto before = std::chrono::steady_clock::now();
  pulsed_poll_next(task.handle());
  CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(5));
  CHECK(s.line().start > start);
  pulsed_poll_end();
}

}  // namespace
}  // namespace pulsed::test
