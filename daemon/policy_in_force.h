// The policy that holds, and how a new one comes to hold for every class of every service: some classes in each tick, so that
// however many there are, and however often policies come, no tick takes long.
//
// A class's policy changes in one step. Of several new policies the last one counts: who has not had it yet gets that one, in
// turn, so that updates without end leave nobody out. What did not change for a class is not touched. The control loop's
// thread alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/collect/service.h"
#include "daemon/held_workers.h"
#include "daemon/loop_thread.h"
#include "daemon/pins.h"
#include "daemon/policy/policy.h"

namespace pulsed {

class PolicyInForce {
 public:
  using Services = std::span<const std::unique_ptr<collect::Service>>;
  using Clock = std::function<policy::Time()>;
  // What one tick may spend on all services: units of some 10 ns. A rule held against a class takes one, if it is of the
  // ordinary kind; as globs may take many times that, the clock ends what they take too.
  static constexpr std::uint32_t kUnitsATick = 100'000;
  static constexpr std::uint32_t kUnitsAClass = 30;
  static constexpr policy::Duration kTimeATick = std::chrono::milliseconds{1};

  PolicyInForce(policy::Policy policy, std::uint64_t revision, HeldWorkers& held,
                Clock clock = monotonic_now);

  // What holds for a class, by the newest policy and the pins.
  [[nodiscard]] policy::ClassPolicy of(const collect::Service& service,
                                       const collect::ClassView& cls) const;

  // Another policy, to be brought to all services by go_on().
  void change(policy::Policy policy, std::uint64_t revision, Services services, policy::Time now);
  // Held by its tier from now on, or by none, in every service of that name: to be brought to them by go_on().
  void pin(const Pins::Change& change, Services services);
  // A service that has just attached, or is found to be treated otherwise as the guardian has gone.
  void admit(collect::Service& service, policy::Time now) const;
  // Goes on with what there is to do, a tick's worth. True: the newest policy has just come to hold everywhere.
  [[nodiscard]] bool go_on(Services services, policy::Time now);

  [[nodiscard]] bool working() const { return working_; }  // there is more for the next tick
  [[nodiscard]] const policy::Policy& policy() const { return policy_; }  // the newest
  [[nodiscard]] std::uint64_t revision() const { return revision_; }      // that holds everywhere

 private:
  // Any class of any service, or of that one, also one that it registers later.
  [[nodiscard]] bool may_enforce() const;
  [[nodiscard]] bool may_enforce(const collect::Service& service) const;
  [[nodiscard]] std::optional<policy::Tier> pin_of(const collect::Service& service,
                                                   const collect::ClassView& cls,
                                                   policy::Enforcement enforcement) const;
  void renew(collect::Service& service, std::size_t cls, policy::Time now);
  void renew_some(collect::Service& service, std::uint32_t& units, policy::Time now);
  void repin_some(collect::Service& service, std::uint32_t& units, policy::Time now);
  // True: all of the service is as the newest policy wants it.
  bool go_on(collect::Service& service, std::uint32_t& units, policy::Time now);
  [[nodiscard]] std::uint32_t units_to_renew() const;
  void look_at_clock() { late_ = late_ || clock_() >= until_; }

  policy::Policy policy_;
  std::uint64_t revision_;
  std::uint64_t newest_;
  HeldWorkers& held_;
  Clock clock_;
  std::map<ClassName, policy::Tier> pins_;
  std::uint64_t changes_ = 1;  // of the policy
  bool changing_ = false;
  policy::Time until_{};  // this tick's slice
  bool late_ = false;     // it is past that
  bool working_ = false;
  std::size_t first_ = 0;  // modulo their number: who comes first in this tick
};

}  // namespace pulsed
