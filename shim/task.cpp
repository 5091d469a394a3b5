// Tasks of a session: slots, classes, and what the daemon asks for them.
#include <algorithm>
#include <exception>

#include "shim/session.h"

namespace pulsed::shim {
namespace {

std::uint32_t slot_of(pulsed_task t) {
  return static_cast<std::uint32_t>(t.ref & PULSED_REF_SLOT_MASK);
}
std::uint16_t generation_of(pulsed_task t) {
  return static_cast<std::uint16_t>(t.ref >> PULSED_REF_GENERATION_SHIFT &
                                    PULSED_REF_GENERATION_MASK);
}
std::uint16_t class_of(pulsed_task t) {
  return static_cast<std::uint16_t>(t.ref >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK);
}

std::uint32_t class_word(const Attachment& a, pulsed_task task) {
  const std::uint16_t cls = class_of(task);
  return cls < a.dimensions.classes ? __atomic_load_n(&a.daemon.classes[cls], __ATOMIC_RELAXED) : 0;
}

std::uint32_t obeyed_word(const Attachment& a, pulsed_task task) {
  if (const std::uint32_t slot = slot_of(task); slot != 0 && slot < a.dimensions.tasks) {
    const std::uint32_t word = __atomic_load_n(&a.daemon.tasks[slot], __ATOMIC_RELAXED);
    if (word >> PULSED_WORD_GENERATION_SHIFT == generation_of(task)) return word;
  }
  return class_word(a, task);
}

std::uint32_t directive_in(const Attachment& a, pulsed_task task) {
  const std::uint32_t asked = obeyed_word(a, task) & PULSED_DIRECTIVE_MASK;
  return asked != 0 && lease_holds(*a.daemon.daemon) ? asked : 0;
}

std::uint32_t weight_in(const Attachment& a, pulsed_task task) {
  const std::uint32_t asked =
      class_word(a, task) >> PULSED_WORD_WEIGHT_SHIFT & PULSED_WORD_WEIGHT_MASK;
  if (asked == 0 || !lease_holds(*a.daemon.daemon)) return PULSED_WEIGHT_ORDINARY;
  return std::min(asked, PULSED_WEIGHT_MAX);
}

}  // namespace

// A handle closed before says nothing any more: its slot may be another task's.
bool Session::live(pulsed_task task) const {
  const std::uint32_t word = tasks_.identity(slot_of(task));
  return (word & PULSED_IDENTITY_STATE_MASK) == PULSED_IDENTITY_LIVE &&
         word >> PULSED_IDENTITY_GENERATION_SHIFT == generation_of(task);
}

pulsed_task Session::open_task(std::uint16_t cls) {
  cls = registered(cls);
  const std::uint64_t class_bits = std::uint64_t{cls} << PULSED_REF_CLASS_SHIFT;
  if (in_child()) return pulsed_task{class_bits};
  WorkerState* worker = this_worker();
  if (worker != nullptr && worker->session.get() != this) worker = nullptr;
  const shm::DealtSlot dealt =
      worker != nullptr ? tasks_.open(worker->slots, cls) : tasks_.open_shared(cls);
  if (dealt.slot == 0) {
    count_table_full();
    return pulsed_task{class_bits};
  }
  const pulsed_task task{
      class_bits | std::uint64_t{dealt.generation} << PULSED_REF_GENERATION_SHIFT | dealt.slot};
  publish_identity(worker, dealt.slot);
  if (worker != nullptr) push_record(*worker, task, PULSED_KIND_OPEN);
  return task;
}

void Session::count_table_full() {
  {
    // Counted under the lock, so that the daemon never sees it fall.
    const std::lock_guard lock(mutex_);
    ++table_full_;
    if (attachment_ != nullptr) {
      __atomic_store_n(&attachment_->service.service->table_full, table_full_, __ATOMIC_RELAXED);
    }
    if (table_full_ != 1) return;
  }
  try {
    say_once("all " + std::to_string(dimensions_.tasks) +
             " task slots are taken; further tasks are known by their class only; raise the "
             "session option `tasks`");
  } catch (const std::exception&) {  // no memory: the task is what matters
  }
}

void Session::close_task(pulsed_task task) {
  const std::uint32_t slot = slot_of(task);
  if (slot == 0 || slot >= dimensions_.tasks || in_child() || !live(task)) return;
  WorkerState* worker = this_worker();
  if (worker != nullptr && worker->session.get() != this) worker = nullptr;
  if (worker != nullptr) {
    push_record(*worker, task, PULSED_KIND_CLOSE);
    tasks_.retire(slot);
    publish_identity(worker, slot);
    tasks_.close(worker->slots, slot);
  } else {
    tasks_.retire(slot);
    publish_identity(nullptr, slot);
    tasks_.close_shared(slot);
  }
}

void Session::set_class(pulsed_task& task, std::uint16_t cls) {
  cls = registered(cls);
  constexpr std::uint64_t kClass = PULSED_REF_CLASS_MASK << PULSED_REF_CLASS_SHIFT;
  const std::uint64_t before = task.ref;
  task.ref = (before & ~kClass) | std::uint64_t{cls} << PULSED_REF_CLASS_SHIFT;
  if (in_child()) return;
  WorkerState* worker = this_worker();
  // Services say it for each request, and mostly it is the class that the task has.
  const std::uint32_t slot = slot_of(task);
  if (slot != 0 && slot < dimensions_.tasks && live(task) && tasks_.task_class(slot) != cls) {
    tasks_.set_class(slot, cls);
    publish_identity(worker != nullptr && worker->session.get() == this ? worker : nullptr, slot);
  }
  if (worker != nullptr) reclassify_poll(before, cls);
}

void Session::publish_identity(const WorkerState* worker, std::uint32_t slot) const {
  const auto store = [&](const Attachment& a) {
    __atomic_store_n(&a.service.identity[slot], tasks_.identity(slot), __ATOMIC_RELAXED);
  };
  if (worker != nullptr) {
    const pulsed_hot* hot = pulsed_this_hot();
    if (hot == nullptr) return;  // whatever is attached next is told of every task
    if (__atomic_load_n(&hot->ready, __ATOMIC_RELAXED) != 0) return store(*worker->attachment);
  }
  const std::lock_guard lock(mutex_);
  if (attachment_ != nullptr) store(*attachment_);
}

std::uint32_t Session::asked(pulsed_task task,
                             std::uint32_t (*read)(const Attachment&, pulsed_task),
                             std::uint32_t detached) const {
  if (in_child()) return detached;
  const WorkerState* worker = this_worker();
  if (worker != nullptr && worker->session.get() == this) {
    // Our own attachment, which only this thread changes; a lost daemon's lease runs out by itself.
    return pulsed_this_hot() != nullptr ? read(*worker->attachment, task) : detached;
  }
  const std::lock_guard lock(mutex_);
  return attachment_ != nullptr ? read(*attachment_, task) : detached;
}

std::uint32_t Session::directive(pulsed_task task) const { return asked(task, directive_in, 0); }

std::uint32_t Session::weight(pulsed_task task) const {
  return asked(task, weight_in, PULSED_WEIGHT_ORDINARY);
}

}  // namespace pulsed::shim
