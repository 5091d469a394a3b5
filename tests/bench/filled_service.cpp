#include "tests/bench/filled_service.h"

#include <chrono>
#include <string>

#include "tests/bench/interleaved.h"

namespace pulsed::bench {
namespace {

// Slot 0 is never dealt.
constexpr std::uint32_t kFirstSlot = 16;

}  // namespace

FilledService::FilledService(const Shape& shape)
    : shape_(shape),
      ring_(kSamples / shape.rings),
      stride_(shape.scattered ? (shape.tasks + shape.resting) / shape.tasks : 1),
      hand_(true,
            {shape.rings, ring_, kFirstSlot + shape.tasks + shape.resting, shape.classes + 1U}) {
  for (std::uint16_t id = 1; id <= shape.classes; ++id) {
    hand_.add_class(id, "class " + std::to_string(id));
  }
  for (std::uint32_t i = 0; i < shape.rings; ++i) hand_.add_worker(i);
  for (std::size_t i = 0; i < walls_.size(); ++i) {
    walls_[i] = hand_.clock().to_ticks(std::chrono::microseconds(20 + i));
  }
  hand_.tick();
  open_tasks();
}

std::uint32_t FilledService::slot(std::uint32_t task) const {
  return kFirstSlot + (shape_.scattered ? task * stride_ : shape_.resting + task);
}

bool FilledService::polled(std::uint32_t slot) const {
  const std::uint32_t at = slot - kFirstSlot;
  if (!shape_.scattered) return at >= shape_.resting;
  return at % stride_ == 0 && at / stride_ < shape_.tasks;
}

std::uint64_t FilledService::reference(std::uint32_t slot, std::uint32_t number,
                                       std::uint64_t kind) const {
  return test::AttachedByHand::ref(slot, 1, static_cast<std::uint16_t>(1 + number % shape_.classes),
                                   kind);
}

void FilledService::open_tasks() {
  for (std::uint32_t task = 0; task < shape_.tasks; ++task) {
    open(reference(slot(task), task, PULSED_KIND_OPEN));
  }
  for (std::uint32_t i = 0; shape_.resting_open && i < shape_.tasks + shape_.resting; ++i) {
    if (!polled(kFirstSlot + i)) open(reference(kFirstSlot + i, i, PULSED_KIND_OPEN));
  }
  hand_.tick();
}

void FilledService::open(std::uint64_t reference) {
  hand_.push(0, reference);
  if (++opened_ % ring_ == 0) hand_.tick();
}

void FilledService::fill() {
  hand_.pass(std::chrono::milliseconds(1));
  for (std::uint32_t ring = 0; ring < shape_.rings; ++ring) {
    pulsed_sample* samples = hand_.s().rings + std::size_t{ring} * ring_;
    pulsed_worker_line& line = hand_.s().lines[ring];
    for (std::uint32_t i = 0; i < ring_; ++i) {
      const auto task = static_cast<std::uint32_t>(random_() % shape_.tasks);
      samples[(line.write + i) % ring_] = {
          reference(slot(task), task, PULSED_KIND_POLL) | PULSED_FLAG_CPU_EXACT,
          walls_[i % walls_.size()]};
    }
    __atomic_store_n(&line.write, line.write + ring_, __ATOMIC_RELEASE);
  }
}

void FilledService::drain_and_decide() {
  hand_.tick();
  hand_.service().tiers.tick(hand_.now());
  hand_.service().tiers.clear_changes();
}

void FilledService::copy_out() {
  std::uint64_t sum = 0;
  for (collect::WorkerView& worker : hand_.service().workers) {
    (void)worker.ring.drain(UINT32_MAX, [&](pulsed_sample s) { sum += s.ref ^ s.span; });
  }
  keep(sum);
}

bool FilledService::spoilt() {
  const collect::Service& service = hand_.service();
  const std::uint32_t open = shape_.tasks + (shape_.resting_open ? shape_.resting : 0);
  return service.rejected_records != 0 || service.tiers.live_tasks() != open ||
         service.tiers.offenders() != 0;
}

}  // namespace pulsed::bench
