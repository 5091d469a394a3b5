// Rings are set up by writing raw indices and samples, so these tests pin the ABI and not one writer's code.
#include "shared_memory/sample_ring.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace pulsed::shm {
namespace {

constexpr std::uint32_t kCapacity = 64;
constexpr std::uint32_t kAll = UINT32_MAX;

struct Ring {
  explicit Ring(std::uint64_t index = 0) : write(index) {}

  [[nodiscard]] RingReader reader() { return {samples.data(), kCapacity, &write, &read}; }

  // As the ABI has it: the sample first, then the index that publishes it.
  void put(std::uint64_t ref) {
    pulsed_sample& sample = samples[write & (kCapacity - 1)];
    __atomic_store_n(&sample.ref, ref, __ATOMIC_RELAXED);
    __atomic_store_n(&sample.span, ~ref, __ATOMIC_RELAXED);
    __atomic_store_n(&write, write + 1, __ATOMIC_RELEASE);
  }

  std::vector<pulsed_sample> samples = std::vector<pulsed_sample>(kCapacity);
  std::uint64_t write;
  std::uint64_t read = 0;
};

struct Drained {
  bool sane;
  std::vector<std::uint64_t> refs;
};

Drained drain(RingReader& reader, std::uint32_t most = kAll) {
  Drained d{};
  d.sane = reader.drain(most, [&](pulsed_sample s) {
    CHECK(s.span == ~s.ref);
    d.refs.push_back(s.ref);
  });
  return d;
}

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> n;
  for (; from != to; ++from) n.push_back(from);
  return n;
}

TEST_CASE("an empty ring gives nothing") {
  Ring ring;
  RingReader reader = ring.reader();
  const Drained d = drain(reader);
  CHECK(d.sane);
  CHECK(d.refs.empty());
}

TEST_CASE("samples come in the order they were written and once") {
  Ring ring;
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(1, 11)) ring.put(ref);
  CHECK(reader.written() - reader.next() == 10);
  CHECK(drain(reader).refs == numbers(1, 11));
  CHECK(drain(reader).refs.empty());
  CHECK(ring.read == 10);
}

TEST_CASE("a reader begins at the index its writer stands at") {
  Ring ring(1000);
  RingReader reader = ring.reader();
  CHECK(ring.read == 1000);
  CHECK(drain(reader).refs.empty());
  ring.put(5);
  CHECK(drain(reader).refs == numbers(5, 6));
}

TEST_CASE("a full ring is drained whole") {
  Ring ring;
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(0, kCapacity)) ring.put(ref);
  CHECK(drain(reader).refs == numbers(0, kCapacity));
}

TEST_CASE("a bounded drain takes so many and leaves the rest for the next") {
  Ring ring;
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(0, 10)) ring.put(ref);
  CHECK(drain(reader, 4).refs == numbers(0, 4));
  CHECK(ring.read == 4);
  CHECK(reader.next() == 4);
  CHECK(drain(reader, 0).refs.empty());
  CHECK(drain(reader, 6).refs == numbers(4, 10));
}

TEST_CASE("a drain up to an index seen earlier leaves what came later") {
  Ring ring;
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(0, 3)) ring.put(ref);
  const std::uint64_t seen = reader.written();
  for (const std::uint64_t ref : numbers(3, 5)) ring.put(ref);
  std::vector<std::uint64_t> refs;
  CHECK(reader.drain_until(seen, kAll, [&](pulsed_sample s) { refs.push_back(s.ref); }));
  CHECK(refs == numbers(0, 3));
  CHECK(drain(reader).refs == numbers(3, 5));
}

TEST_CASE("a reader of segments that nobody has read can begin at the first sample") {
  Ring ring;
  for (const std::uint64_t ref : numbers(0, 3)) ring.put(ref);
  RingReader reader = ring.reader();
  reader.rewind();
  CHECK(ring.read == 0);
  CHECK(drain(reader).refs == numbers(0, 3));
}

TEST_CASE("a ring goes on over the end of its memory") {
  Ring ring(kCapacity - 3);
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(0, 7)) ring.put(ref);
  CHECK(drain(reader).refs == numbers(0, 7));
}

TEST_CASE("a ring goes on over the wrap of its 64 bit indices") {
  Ring ring(UINT64_MAX - 4);
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(0, 20)) ring.put(ref);
  CHECK(ring.write == 15);
  CHECK(drain(reader, 5).refs == numbers(0, 5));
  CHECK(ring.read == 0);
  CHECK(drain(reader).refs == numbers(5, 20));
  CHECK(ring.read == 15);
}

TEST_CASE("a write index beyond the capacity is nonsense and is skipped") {
  for (const std::uint64_t ahead : {std::uint64_t{kCapacity} + 1, std::uint64_t{1} << 40}) {
    Ring ring;
    RingReader reader = ring.reader();
    ring.write = ahead;
    const Drained d = drain(reader);
    CHECK_FALSE(d.sane);
    CHECK(d.refs.empty());
    CHECK(ring.read == ahead);
    ring.put(9);
    CHECK(drain(reader).refs == numbers(9, 10));
  }
}

TEST_CASE("a write index that went back is nonsense and is skipped") {
  Ring ring(100);
  RingReader reader = ring.reader();
  ring.write = 99;
  CHECK_FALSE(drain(reader).sane);
  CHECK(ring.read == 99);
  CHECK(drain(reader).sane);
}

TEST_CASE("what waits can be discarded and is counted to the capacity") {
  Ring ring;
  RingReader reader = ring.reader();
  for (const std::uint64_t ref : numbers(0, 10)) ring.put(ref);
  CHECK(reader.discard() == 10);
  CHECK(drain(reader).refs.empty());
  ring.write += 1'000'000;
  CHECK(reader.discard() == kCapacity);
  CHECK(reader.discard() == 0);
}

// Guarantee: with one producer and one consumer on one mapping, every sample that the producer published by its index is
// consumed once, whole and in order, whatever the interleaving; and the producer may reuse a cell as soon as the read index
// has passed it. The producer here obeys the ABI and waits instead of dropping, so nothing may be missing.
TEST_CASE("a producer and a consumer thread on one mapping exchange every sample whole") {
  constexpr std::uint64_t kSamples = 200'000;
  Ring ring;
  RingReader reader = ring.reader();
  std::thread producer([&] {
    for (std::uint64_t ref = 0; ref != kSamples; ++ref) {
      // acquire: pairs with RingReader::skip_to; the cell was copied out before.
      while (ring.write - __atomic_load_n(&ring.read, __ATOMIC_ACQUIRE) >= kCapacity) {
        std::this_thread::yield();
      }
      ring.put(ref);
    }
  });
  std::uint64_t expected = 0, torn = 0, nonsense = 0;
  while (expected != kSamples) {
    const std::uint64_t before = expected;
    const bool sane = reader.drain(kAll, [&](pulsed_sample s) {
      torn += s.ref != expected || s.span != ~expected ? 1 : 0;
      ++expected;
    });
    nonsense += sane ? 0 : 1;
    if (expected == before) std::this_thread::yield();
  }
  producer.join();
  CHECK(torn == 0);
  CHECK(nonsense == 0);
}

}  // namespace
}  // namespace pulsed::shm
