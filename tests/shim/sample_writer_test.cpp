// The writer's end of a sample ring, inline code and slow path, against RingReader.
#include "tests/shim/attached_service.h"
#include "tests/shim/plain_worker.h"

namespace pulsed::test {
namespace {

constexpr std::uint32_t kCapacity = PlainWorker::kSmall.ring_samples;
constexpr std::uint64_t kPoll = std::uint64_t{PULSED_KIND_POLL} << PULSED_REF_KIND_SHIFT;

struct Writer : PlainWorker {
  using PlainWorker::PlainWorker;
  void put(std::uint64_t number) { pulsed_push(&page.hot, number | kPoll, number); }
};

std::vector<std::uint64_t> numbers_in(shm::RingReader& reader) {
  std::vector<std::uint64_t> numbers;
  for (const pulsed_sample& s : drain(reader)) numbers.push_back(s.span);
  return numbers;
}

TEST_CASE("a full ring drops what is new and counts it exactly") {
  Writer w;
  shm::RingReader reader = w.reader();
  for (std::uint64_t n = 0; n < kCapacity + 10; ++n) w.put(n);
  CHECK(w.line().write == kCapacity);
  CHECK(w.line().dropped == 10);
  const std::vector<std::uint64_t> kept = numbers_in(reader);
  REQUIRE(kept.size() == kCapacity);
  CHECK(kept.front() == 0);
  CHECK(kept.back() == kCapacity - 1);
  w.put(7);
  CHECK(w.line().dropped == 10);
  CHECK(numbers_in(reader) == std::vector<std::uint64_t>{7});
}

TEST_CASE("room for one sample takes one sample") {
  Writer w;
  shm::RingReader reader = w.reader();
  for (std::uint64_t n = 0; n < kCapacity; ++n) w.put(n);
  CHECK(reader.drain(1, [](pulsed_sample) {}));
  w.put(100);
  w.put(101);
  CHECK(w.line().dropped == 1);
  CHECK(numbers_in(reader).back() == 100);
}

TEST_CASE("the writer goes on over the wrap of its 64 bit index") {
  Writer w(UINT64_MAX - 10);
  shm::RingReader reader = w.reader();
  for (std::uint64_t n = 0; n < kCapacity + 5; ++n) w.put(n);
  CHECK(w.line().write == kCapacity - 11);
  CHECK(w.line().dropped == 5);
  CHECK(numbers_in(reader).size() == kCapacity);
  for (std::uint64_t n = 0; n < kCapacity; ++n) w.put(n);
  CHECK(w.line().dropped == 5);
}

TEST_CASE("a read index that is nonsense makes the writer drop and not overrun") {
  Writer w;
  w.reads() = 1'000'000;
  for (std::uint64_t n = 0; n < 10; ++n) w.put(n);
  CHECK(w.line().write == 0);
  CHECK(w.line().dropped == 10);
}

TEST_CASE("a whole poll through the inline path is one sample") {
  Writer w;
  shm::RingReader reader = w.reader();
  const pulsed_task task{std::uint64_t{1} << PULSED_REF_CLASS_SHIFT | std::uint64_t{3} << 24 | 20};
  pulsed_poll_begin(task);
  pulsed_poll_end();
  const std::vector<pulsed_sample> samples = drain(reader);
  REQUIRE(samples.size() == 1);
  CHECK(samples[0].ref == (task.ref | kPoll));  // not exact: no rseq on this page
  const std::uint64_t usage = w.segments.attachment->service.usage[20];
  CHECK((usage >> PULSED_USAGE_TICKS_SHIFT) == samples[0].span);
}

TEST_CASE("the usage word carries a wrap of its polls into its ticks and of its ticks nowhere") {
  Writer w;
  std::uint64_t& usage = w.segments.attachment->service.usage[20];
  const pulsed_task task{20};
  usage = 0xffffff;
  pulsed_poll_begin(task);
  pulsed_tls_hot->start = pulsed_now();
  pulsed_poll_end();
  CHECK((usage & 0xffffff) == 0);
  CHECK((usage >> PULSED_USAGE_TICKS_SHIFT) >= 1);
  usage = (PULSED_SPAN_WALL_MAX << PULSED_USAGE_TICKS_SHIFT) | 5;
  pulsed_poll_begin(task);
  pulsed_tls_hot->start -= 1'000'000;
  pulsed_poll_end();
  CHECK((usage & 0xffffff) == 6);
  CHECK((usage >> PULSED_USAGE_TICKS_SHIFT) < PULSED_SPAN_WALL_MAX);
}

// Guarantee: each sample the writer counts as written is consumed once, whole and in order; each other one is counted as
// dropped; and no sample is both. The writer never waits, so on a ring this small it drops whenever the reader rests.
TEST_CASE("a writer and a reader thread on one mapping account for every sample") {
  constexpr std::uint64_t kSamples = 200'000;
  Writer w;
  shm::RingReader reader = w.reader();
  std::atomic<bool> done{false};
  std::uint64_t read = 0, torn = 0, backwards = 0, nonsense = 0;
  std::thread consumer([&] {
    std::uint64_t last = 0;
    bool last_round = false;
    while (true) {
      const bool sane = reader.drain(UINT32_MAX, [&](pulsed_sample s) {
        torn += s.ref != (s.span | kPoll) ? 1 : 0;
        backwards += s.span <= last ? 1 : 0;
        last = s.span;
        ++read;
      });
      nonsense += sane ? 0 : 1;
      if (last_round) break;
      last_round = done.load();
    }
  });
  for (std::uint64_t n = 1; n <= kSamples; ++n) w.put(n);
  done = true;
  consumer.join();
  CHECK(torn == 0);
  CHECK(backwards == 0);
  CHECK(nonsense == 0);
  CHECK(read == w.line().write);
  CHECK(read + w.line().dropped == kSamples);
}

}  // namespace
}  // namespace pulsed::test
