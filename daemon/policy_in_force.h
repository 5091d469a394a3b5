// The policy that holds, and how a new one comes to hold for every class of every service: some classes in each tick, so that
// however many there are, and however often policies come, no tick takes long.
//
// A class's policy changes in one step. Of several new policies the last one counts: who has not had it yet gets that one, in
// turn, so that updates without end leave nobody out. What did not change for a class is not touched. The control loop's
// thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/collect/service.h"
#include "daemon/held_workers.h"
#include "daemon/pins.h"
#include "daemon/policy/policy.h"

namespace pulsed {

class PolicyInForce {
 public:
  using Services = std::span<const std::unique_ptr<collect::Service>>;
  // What one tick may spend on all services: some 10 ns each. A rule held against a class takes one.
  static constexpr std::uint32_t kUnitsATick = 100'000;
  static constexpr std::uint32_t kUnitsAClass = 30;

  PolicyInForce(policy::Policy policy, std::uint64_t revision, HeldWorkers& held)
      : policy_(std::move(policy)), revision_(revision), newest_(revision), held_(held) {}

  // What holds for a class, by the newest policy and the pins.
  [[nodiscard]] policy::ClassPolicy of(const collect::Service& service,
                                       const collect::ClassView& cls) const;

  // Another policy, to be brought to all services by go_on().
  void change(policy::Policy policy, std::uint64_t revision, Services services, policy::Time now);
  // Held by its tier from now on, or by none, in every service of that name.
  void pin(const Pins::Change& change, Services services, policy::Time now);
  // A service that has just attached, or is found to be treated otherwise as the guardian has gone.
  void admit(collect::Service& service, policy::Time now) const;
  // Goes on with what there is to do, a tick's worth. True: the newest policy has just come to hold everywhere.
  [[nodiscard]] bool go_on(Services services, policy::Time now);

  [[nodiscard]] bool working() const { return working_; }  // there is more for the next tick
  [[nodiscard]] const policy::Policy& policy() const { return policy_; }  // the newest
  [[nodiscard]] std::uint64_t revision() const { return revision_; }      // that holds everywhere

 private:
  [[nodiscard]] bool may_enforce(const collect::Service& service) const;
  void renew(collect::Service& service, std::size_t cls, policy::Time now);
  // True: all of the service is as the newest policy wants it.
  bool go_on(collect::Service& service, std::uint32_t& units, policy::Time now);

  policy::Policy policy_;
  std::uint64_t revision_;
  std::uint64_t newest_;
  HeldWorkers& held_;
  std::map<ClassName, policy::Tier> pins_;
  bool changing_ = false;
  bool working_ = false;
  std::size_t first_ = 0;  // modulo their number: who comes first in this tick
};

}  // namespace pulsed
