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

ClassMode mode_of(const policy::ClassPolicy& policy) {
  return {policy.enforcement == policy::Enforcement::kEnforce, policy.may_migrate,
          static_cast<std::uint16_t>(policy.weight)};
}

DirectiveWriter::DirectiveWriter(const shm::DaemonRegions& d, const shm::Dimensions& dimensions,
                                 const ClassMode& mode)
    : d_(d), dimensions_(dimensions), words_(d.tasks), modes_(dimensions.classes, mode) {}

void DirectiveWriter::heartbeat(std::uint64_t now_ticks, std::uint64_t lease_ticks) {
  if (!suspended_) store_lease(now_ticks, lease_ticks);
}

void DirectiveWriter::suspend() {
  suspended_ = true;
  store_lease(0, 0);
  withdraw_yields();
}

void DirectiveWriter::store_lease(std::uint64_t now_ticks, std::uint64_t lease_ticks) {
  __atomic_store_n(&d_.daemon->lease_ticks, lease_ticks, __ATOMIC_RELAXED);
  __atomic_store_n(&d_.daemon->heartbeat, now_ticks, __ATOMIC_RELAXED);
}

void DirectiveWriter::set_revision(std::uint64_t revision) {
  __atomic_store_n(&d_.daemon->revision, revision, __ATOMIC_RELAXED);
}

std::uint32_t DirectiveWriter::bits(const ClassMode& mode, Tier tier) {
  const auto tier_bits = static_cast<std::uint32_t>(tier) << PULSED_WORD_TIER_SHIFT;
  if (!mode.enforce) return tier_bits;
  const std::uint32_t never = mode.migrate ? 0U : std::uint32_t{PULSED_DIRECTIVE_ISOLATE};
  return tier_bits | (directives_at(tier) & ~never);
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

void DirectiveWriter::set_task(policy::TaskId task, policy::ClassId cls, Tier tier) {
  if (task.slot >= dimensions_.tasks) return;
  const std::uint32_t value = generation_bits(task.generation) | bits(mode(cls), tier);
  std::uint32_t& word = words_[task.slot];
  if (!knows(task))
    word = generation_bits(task.generation);  // what the slot's last task was asked is no matter
  store(word, value);
  slots_high_ = std::max(slots_high_, task.slot + 1);
}

void DirectiveWriter::set_class(policy::ClassId cls, Tier tier) {
  const std::uint32_t changes = d_.classes[index(cls)] >> PULSED_WORD_GENERATION_SHIFT;
  write_class(cls, changes + 1, tier);
}

void DirectiveWriter::write_class(policy::ClassId cls, std::uint32_t generation, Tier tier) {
  // 0 stands for the ordinary weight, also to shims that know of none.
  const std::uint32_t weight =
      mode(cls).weight == policy::kOrdinaryWeight ? 0U : std::uint32_t{mode(cls).weight};
  store(d_.classes[index(cls)],
        generation_bits(generation) | weight << PULSED_WORD_WEIGHT_SHIFT | bits(mode(cls), tier));
}

void DirectiveWriter::set_mode(policy::ClassId cls, const ClassMode& wanted) {
  const ClassMode was = mode(cls);
  if (was == wanted) return;
  modes_[index(cls)] = wanted;
  const std::uint32_t word = d_.classes[index(cls)];
  write_class(cls, word >> PULSED_WORD_GENERATION_SHIFT, tier_in(word));
  const bool words_differ =
      was.enforce != wanted.enforce || (wanted.enforce && was.migrate != wanted.migrate);
  if (words_differ) rewriting_.restart(slots_high_);
}

bool DirectiveWriter::rewrite(const policy::TierManager& tiers, std::uint32_t& units) {
  for (std::uint32_t n = 1; !rewriting_.ended() && units != 0; ++n) {
    if (n % kWordsAUnit == 0) --units;
    const auto slot = static_cast<std::uint32_t>(rewriting_.next(slots_high_));
    if (tier_in(words_[slot]) == Tier::kMonitor) continue;
    const std::optional<policy::ClassId> cls = tiers.class_of({slot, generation(slot)});
    write_again(slot, cls ? mode(*cls) : ClassMode{});
    if (units != 0) --units;
  }
  return rewriting_.ended();
}

void DirectiveWriter::write_again(std::uint32_t slot, const ClassMode& mode) {
  const std::uint32_t word = words_[slot];
  store(words_[slot],
        generation_bits(word >> PULSED_WORD_GENERATION_SHIFT) | bits(mode, tier_in(word)));
}

bool DirectiveWriter::ask_yield(std::uint32_t worker, std::uint64_t start, policy::ClassId cls) {
  std::uint64_t& word = d_.workers[worker].yield_start;
  if (!mode(cls).enforce || word == start) return false;
  __atomic_store_n(&word, start, __ATOMIC_RELAXED);
  ++counts_.yield;
  return true;
}

void DirectiveWriter::withdraw_yield(std::uint32_t worker) {
  std::uint64_t& word = d_.workers[worker].yield_start;
  if (word != 0) __atomic_store_n(&word, 0, __ATOMIC_RELAXED);
}

void DirectiveWriter::withdraw_yields() {
  for (std::uint32_t worker = 0; worker < dimensions_.workers; ++worker) withdraw_yield(worker);
}

void DirectiveWriter::release() {
  std::fill(modes_.begin(), modes_.end(), ClassMode{});
  for (std::uint32_t slot = 0; slot < slots_high_; ++slot) write_again(slot, ClassMode{});
  for (std::uint32_t cls = 0; cls < dimensions_.classes; ++cls) {
    const std::uint32_t word = d_.classes[cls];
    if (word == 0) continue;
    write_class(policy::ClassId{static_cast<std::uint16_t>(cls)},
                word >> PULSED_WORD_GENERATION_SHIFT, tier_in(word));
  }
  suspend();
}

}  // namespace pulsed::act
