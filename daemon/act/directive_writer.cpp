#include "daemon/act/directive_writer.h"

#include <algorithm>

namespace pulsed::act {
namespace {

using policy::Tier;

std::uint32_t directives_at(Tier tier) {
  switch (tier) {
    case Tier::kMonitor:
      return PULSED_DIRECTIVE_NONE;
    case Tier::kWarn:
      return PULSED_DIRECTIVE_MEASURE;
    case Tier::kYield:
      return PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD;
    case Tier::kIsolate:
      return PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD | PULSED_DIRECTIVE_ISOLATE;
  }
  return PULSED_DIRECTIVE_NONE;
}

Tier tier_in(std::uint32_t word) {
  return static_cast<Tier>(word >> PULSED_WORD_TIER_SHIFT & PULSED_WORD_TIER_MASK);
}

std::uint32_t generation_bits(std::uint32_t generation) {
  return generation << PULSED_WORD_GENERATION_SHIFT;
}

}  // namespace

DirectiveWriter::DirectiveWriter(const shm::DaemonRegions& d, const shm::Dimensions& dimensions,
                                 bool enforce)
    : d_(d), dimensions_(dimensions), words_(d.tasks), enforce_(enforce) {}

void DirectiveWriter::heartbeat(std::uint64_t now_ticks, std::uint64_t lease_ticks) {
  __atomic_store_n(&d_.daemon->lease_ticks, lease_ticks, __ATOMIC_RELAXED);
  __atomic_store_n(&d_.daemon->heartbeat, now_ticks, __ATOMIC_RELAXED);
}

void DirectiveWriter::set_revision(std::uint64_t revision) {
  __atomic_store_n(&d_.daemon->revision, revision, __ATOMIC_RELAXED);
}

std::uint32_t DirectiveWriter::bits(Tier tier) const {
  const auto tier_bits = static_cast<std::uint32_t>(tier) << PULSED_WORD_TIER_SHIFT;
  return tier_bits | (enforce_ ? directives_at(tier) : 0U);
}

void DirectiveWriter::count(std::uint32_t before, std::uint32_t after) {
  const std::uint32_t fresh = after & ~before;
  if ((fresh & PULSED_DIRECTIVE_MEASURE) != 0) ++counts_.measure;
  if ((fresh & PULSED_DIRECTIVE_ISOLATE) != 0) ++counts_.isolate;
}

void DirectiveWriter::store(std::uint32_t& word, std::uint32_t value) {
  count(word, value);
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}

void DirectiveWriter::set_task(policy::TaskId task, Tier tier) {
  if (task.slot >= dimensions_.tasks) return;
  const std::uint32_t value = generation_bits(task.generation) | bits(tier);
  std::uint32_t& word = words_[task.slot];
  if (!knows(task))
    word = generation_bits(task.generation);  // what the slot's last task was asked is no matter
  store(word, value);
  slots_high_ = std::max(slots_high_, task.slot + 1);
}

void DirectiveWriter::set_class(policy::ClassId cls, Tier tier) {
  std::uint32_t& word = d_.classes[index(cls)];
  store(word, generation_bits((word >> PULSED_WORD_GENERATION_SHIFT) + 1) | bits(tier));
}

bool DirectiveWriter::ask_yield(std::uint32_t worker, std::uint64_t start) {
  std::uint64_t& word = d_.workers[worker].yield_start;
  if (!enforce_ || word == start) return false;
  __atomic_store_n(&word, start, __ATOMIC_RELAXED);
  ++counts_.yield;
  return true;
}

void DirectiveWriter::withdraw_yield(std::uint32_t worker) {
  std::uint64_t& word = d_.workers[worker].yield_start;
  if (word != 0) __atomic_store_n(&word, 0, __ATOMIC_RELAXED);
}

void DirectiveWriter::set_enforce(bool enforce) {
  if (enforce == enforce_) return;
  enforce_ = enforce;
  const auto again = [this](std::uint32_t& word) {
    const std::uint32_t generation = word & ~((1U << PULSED_WORD_GENERATION_SHIFT) - 1);
    store(word, generation | bits(tier_in(word)));
  };
  for (std::uint32_t slot = 1; slot < slots_high_; ++slot) again(words_[slot]);
  for (std::uint32_t cls = 0; cls < dimensions_.classes; ++cls) {
    if (d_.classes[cls] != 0) again(d_.classes[cls]);
  }
  if (enforce) return;
  for (std::uint32_t worker = 0; worker < dimensions_.workers; ++worker) withdraw_yield(worker);
}

void DirectiveWriter::release() {
  set_enforce(false);
  heartbeat(0, 0);
}

}  // namespace pulsed::act
