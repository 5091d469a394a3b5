// A service as the daemon sees it, its memory written by the test: lines, rings, names and totals, raw.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "daemon/collect/collector.h"
#include "daemon/policy/policy.h"
#include "shared_memory/segment.h"

namespace pulsed::test {

class AttachedByHand {
 public:
  static constexpr shm::Dimensions kDimensions{4, 64, 1024, 64};

  explicit AttachedByHand(bool enforce = true, const shm::Dimensions& dimensions = kDimensions)
      : dimensions_(dimensions) {
    policy_.enforcement = enforce ? policy::Enforcement::kEnforce : policy::Enforcement::kShadow;
    std::string error;
    auto end =
        shm::create_segments(dimensions, {clock_.kind(), clock_.ticks_per_second()}, 1, error);
    if (!end) throw std::runtime_error(error);
    writable_ = shm::map_segment(end->service_fd.get(), end->service_header.segment_bytes,
                                 shm::Access::kReadWrite, error);
    s_ = shm::service_regions(writable_.data(), end->service_header);
    d_ = shm::daemon_regions(end->daemon.data(), end->daemon_header);
    std::array<int, 2> sockets{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
      throw std::runtime_error("socketpair");
    }
    peer_socket_ = shm::Fd(sockets[1]);
    service_ = std::make_unique<collect::Service>(
        attach::AttachedService{attach::ServiceId{1}, ::getpid(), ::getuid(), "test", dimensions,
                                std::move(*end), std::make_shared<shm::Fd>(sockets[0])});
    service_->enforceable = enforce;
  }

  [[nodiscard]] collect::Service& service() { return *service_; }
  [[nodiscard]] std::span<const std::unique_ptr<collect::Service>> services() const {
    return {&service_, 1};
  }
  // Its memory stays mapped here.
  [[nodiscard]] std::unique_ptr<collect::Service> take() { return std::move(service_); }
  [[nodiscard]] shm::ServiceRegions& s() { return s_; }
  [[nodiscard]] shm::DaemonRegions& d() { return d_; }
  [[nodiscard]] const shm::TickClock& clock() const { return clock_; }
  [[nodiscard]] int peer_socket() const { return peer_socket_.get(); }
  [[nodiscard]] policy::Time now() const { return now_; }
  void pass(policy::Duration d) { now_ += d; }

  // One tick of the collector; changes stay for the test to look at.
  collect::Collected tick() {
    collect::Collected collected;
    collector_.collect(*service_, {now_, clock_.now()}, collected);
    return collected;
  }
  [[nodiscard]] collect::Collector& collector() { return collector_; }

  // What holds for a class that registers, but for what the test changes.
  [[nodiscard]] policy::ClassPolicy resolved() const {
    return policy::resolve(policy_, {"test", ""}, policy::Priority::kNormal);
  }
  void set_policy(std::uint16_t cls, const policy::ClassPolicy& policy) {
    service_->set_policy(policy::ClassId{cls}, policy, now_);
    std::uint32_t units = 1'000'000;
    service_->tiers.settle(now_, units);
    service_->directives.rewrite(service_->tiers, units);
  }
  void set_enforcement(std::uint16_t cls, policy::Enforcement enforcement) {
    policy::ClassPolicy policy = service_->tiers.policy(policy::ClassId{cls});
    policy.enforcement = enforcement;
    set_policy(cls, policy);
  }

  void add_worker(std::uint32_t index, std::uint32_t state = PULSED_WORKER_ATTACHED) {
    s_.lines[index].tid = static_cast<std::uint32_t>(::gettid());
    s_.lines[index].state = state;
    if (s_.service->workers_high <= index) s_.service->workers_high = index + 1;
  }
  void add_class(std::uint16_t id, const std::string& name) {
    pulsed_class_record& record = s_.classes[id];
    record.priority = PULSED_PRIORITY_NORMAL;
    record.name_length = static_cast<std::uint32_t>(name.size());
    std::memcpy(record.name, name.data(), name.size());
    s_.service->classes_high = id + 1U;
  }
  [[nodiscard]] static std::uint64_t ref(std::uint32_t slot, std::uint16_t generation,
                                         std::uint16_t cls, std::uint64_t kind = 0) {
    return slot | std::uint64_t{generation} << PULSED_REF_GENERATION_SHIFT |
           std::uint64_t{cls} << PULSED_REF_CLASS_SHIFT | kind << PULSED_REF_KIND_SHIFT;
  }
  // A record, and the identity word as a sound shim has it then.
  void push(std::uint32_t worker, std::uint64_t reference, std::uint64_t span = 0) {
    set_identity(reference);
    pulsed_worker_line& line = s_.lines[worker];
    s_.rings[std::size_t{worker} * dimensions_.ring_samples +
             line.write % dimensions_.ring_samples] = {reference, span};
    __atomic_store_n(&line.write, line.write + 1, __ATOMIC_RELEASE);
  }
  void set_identity(std::uint64_t reference) {
    const auto slot = reference & PULSED_REF_SLOT_MASK;
    const auto kind = reference >> PULSED_REF_KIND_SHIFT & PULSED_REF_KIND_MASK;
    if (slot >= dimensions_.tasks || kind == PULSED_KIND_QUEUE_WAIT) return;
    const auto generation =
        static_cast<std::uint32_t>(reference >> PULSED_REF_GENERATION_SHIFT & 0xffff);
    s_.identity[slot] = generation << PULSED_IDENTITY_GENERATION_SHIFT |
                        (kind == PULSED_KIND_CLOSE ? PULSED_IDENTITY_FREE : PULSED_IDENTITY_LIVE);
  }
  // A poll whose CPU time is known to be its wall time.
  void push_exact(std::uint32_t worker, std::uint32_t slot, std::uint16_t generation,
                  std::uint16_t cls, policy::Duration wall) {
    push(worker, ref(slot, generation, cls, PULSED_KIND_POLL) | PULSED_FLAG_CPU_EXACT,
         clock_.to_ticks(wall));
  }
  // The worker is in a poll that began `age` ago. Gives its start.
  std::uint64_t begin_poll(std::uint32_t worker, std::uint64_t reference, policy::Duration age) {
    const std::uint64_t start = clock_.now() - clock_.to_ticks(age);
    __atomic_store_n(&s_.lines[worker].start, start, __ATOMIC_RELEASE);
    __atomic_store_n(&s_.lines[worker].task, reference, __ATOMIC_RELEASE);
    return start;
  }
  void end_poll(std::uint32_t worker) {
    __atomic_store_n(&s_.lines[worker].task, 0, __ATOMIC_RELEASE);
  }

  // As if the thread's CPU clock had stood at `cpu` when the poll was `age` old.
  void say_cpu(std::uint32_t worker, policy::Duration cpu) {
    pulsed_clocks answer{};
    answer.count = 1;
    answer.worker[0] = worker;
    answer.cpu_ns[0] = static_cast<std::uint64_t>(cpu.count());
    answer.at_ns = static_cast<std::uint64_t>(now_.count());
    collector_.note_clocks(*service_, answer, now_);
  }

 private:
  shm::Dimensions dimensions_;
  shm::TickClock clock_{shm::clock_kind(), std::chrono::milliseconds{10}};
  policy::Time now_{std::chrono::hours{1}};
  policy::Policy policy_;
  shm::Mapping writable_;
  shm::ServiceRegions s_{};
  shm::DaemonRegions d_{};
  shm::Fd peer_socket_;
  std::unique_ptr<collect::Service> service_;
  collect::Collector collector_{clock_, false,
                                [this](const collect::Service&, const collect::ClassView& cls) {
                                  return policy::resolve(policy_, {"test", cls.name}, cls.priority);
                                }};
};

}  // namespace pulsed::test
