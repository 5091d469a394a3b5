#include "deploy/demo/light_polls.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace pulsed::demo {

namespace {

// The first version of the kernel's sched_attr: glibc 2.36 has none, and linux/sched/types.h clashes with
// its sched_param.
struct KernelAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns;
  std::uint64_t deadline_ns;
  std::uint64_t period_ns;
};
static_assert(sizeof(KernelAttributes) == 48);

}  // namespace

OsPriority own_os_priority() {
  KernelAttributes attributes{};
  // Of oneself it cannot fail; were it to, all would be equal and nothing counted.
  (void)::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0);
  return {attributes.policy, attributes.priority, attributes.nice, attributes.flags};
}

LightPolls::Scope::~Scope() {
  if (!lowered_ && !polls_.lowered_here()) return;
  (isolated_ ? polls_.isolated_ : polls_.demoted_).fetch_add(1, std::memory_order_relaxed);
  if (lowered_ && !isolated_) polls_.begun_demoted_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace pulsed::demo
