#include "daemon/policy_in_force.h"

#include <algorithm>
#include <utility>

#include "daemon/policy/glob.h"

namespace pulsed {
namespace {

using collect::Service;
using policy::Enforcement;
using policy::Time;

bool same(const policy::ClassPolicy& a, const policy::ClassPolicy& b) {
  return a.enforcement == b.enforcement && a.weight == b.weight && a.may_migrate == b.may_migrate &&
         a.pinned == b.pinned && a.priority == b.priority && a.fields == b.fields;
}

// What polls of the class were asked, or had done to their threads, does not stand under the other policy.
bool undoes(const policy::ClassPolicy& was, const policy::ClassPolicy& is) {
  if (was.enforcement != Enforcement::kEnforce) return false;
  return is.enforcement != Enforcement::kEnforce || is.fields.demote_to != was.fields.demote_to;
}

void withdraw_yields(Service& service, policy::ClassId cls) {
  for (const std::uint32_t i : service.polling) {
    const collect::TrackedPoll& poll = service.workers[i].current;
    if (poll.valid && class_of(poll) == cls) service.directives.withdraw_yield(i);
  }
}

}  // namespace

PolicyInForce::PolicyInForce(policy::Policy policy, std::uint64_t revision, HeldWorkers& held,
                             Clock clock)
    : policy_(std::move(policy)),
      revision_(revision),
      newest_(revision),
      held_(held),
      clock_(std::move(clock)) {}

policy::ClassPolicy PolicyInForce::of(const Service& service, const collect::ClassView& cls) const {
  policy::ClassPolicy resolved =
      policy::resolve(policy_, {service.peer.name, cls.name, service.peer.uid}, cls.priority);
  resolved.pinned = pin_of(service, cls, resolved.enforcement);
  return resolved;
}

// Under observe nothing is moved, also not by a pin.
std::optional<policy::Tier> PolicyInForce::pin_of(const Service& service,
                                                  const collect::ClassView& cls,
                                                  Enforcement enforcement) const {
  if (pins_.empty() || enforcement == Enforcement::kObserve) return std::nullopt;
  const auto pin = pins_.find({service.peer.name, cls.name});
  return pin == pins_.end() ? std::nullopt : std::optional(pin->second);
}

bool PolicyInForce::may_enforce() const {
  if (policy_.enforcement_limit != Enforcement::kEnforce) return false;
  return policy_.enforcement == Enforcement::kEnforce ||
         std::any_of(policy_.rules.begin(), policy_.rules.end(), [](const policy::Rule& rule) {
           return rule.enforcement == Enforcement::kEnforce;
         });
}

bool PolicyInForce::may_enforce(const Service& service) const {
  if (!may_enforce()) return false;
  if (policy_.enforcement == Enforcement::kEnforce) return true;
  return std::any_of(policy_.rules.begin(), policy_.rules.end(), [&](const policy::Rule& rule) {
    const policy::Match& match = rule.match;
    return rule.enforcement == Enforcement::kEnforce &&
           (!match.uid || *match.uid == service.peer.uid) &&
           (match.service.empty() || policy::glob_match(match.service, service.peer.name));
  });
}

void PolicyInForce::change(policy::Policy policy, std::uint64_t revision, Services services,
                           Time now) {
  policy_ = std::move(policy);
  newest_ = revision;
  changing_ = true;
  ++changes_;
  const bool stop = !may_enforce();
  for (const auto& service : services) {
    service->renewing.restart(service->classes.size());
    // What nothing may be asked of is let go at once, whatever else there is to do.
    if (stop && !service->quarantined && service->enforceable) admit(*service, now);
  }
}

void PolicyInForce::admit(Service& service, Time now) const {
  const bool could = service.enforceable;
  service.enforceable = may_enforce(service);
  service.admitted = changes_;
  if (service.enforceable) {
    service.directives.resume();
  } else if (could) {
    held_.release(service, now);
    // Until its words are all as they should be.
    service.directives.suspend();
  }
  std::uint64_t abilities = service.enforceable ? PULSED_DAEMON_WAKES_SPARES : 0;
  if (service.enforceable && held_.can_demote()) abilities |= PULSED_DAEMON_DEMOTES;
  service.words.set_abilities(abilities);
}

void PolicyInForce::pin(const Pins::Change& change, Services services) {
  if (change.tier) {
    pins_.insert_or_assign(change.cls, *change.tier);
  } else {
    pins_.erase(change.cls);
  }
  for (const auto& service : services) {
    if (service->peer.name == change.cls.service)
      service->repinning.restart(service->classes.size());
  }
}

void PolicyInForce::renew(Service& service, std::size_t index, Time now) {
  const auto cls = static_cast<policy::ClassId>(index);
  const policy::ClassPolicy is = of(service, service.classes[index]);
  const policy::ClassPolicy& was = service.tiers.policy(cls);
  if (same(was, is)) return;
  if (undoes(was, is)) held_.restore_threads(service, cls, now);
  if (service.set_policy(cls, is, now) && !service.directives.mode(cls).enforce)
    withdraw_yields(service, cls);
}

std::uint32_t PolicyInForce::units_to_renew() const {
  return kUnitsAClass + static_cast<std::uint32_t>(policy_.rules.size());
}

void PolicyInForce::renew_some(Service& service, std::uint32_t& units, Time now) {
  const std::uint32_t cost = units_to_renew();
  while (!service.renewing.ended() && units >= cost && !late_) {
    renew(service, service.renewing.next(service.classes.size()), now);
    units -= cost;
    look_at_clock();
  }
}

void PolicyInForce::repin_some(Service& service, std::uint32_t& units, Time now) {
  const std::uint32_t cost = kUnitsAClass + units_to_renew();
  while (!service.repinning.ended() && units >= cost && !late_) {
    const std::size_t index = service.repinning.next(service.classes.size());
    const policy::ClassPolicy& was = service.tiers.policy(static_cast<policy::ClassId>(index));
    units -= kUnitsAClass;
    if (was.pinned != pin_of(service, service.classes[index], was.enforcement)) {
      renew(service, index, now);
      units -= units_to_renew();
    }
    look_at_clock();
  }
}

bool PolicyInForce::go_on(Service& service, std::uint32_t& units, Time now) {
  if (service.admitted != changes_ && !late_) {
    admit(service, now);
    look_at_clock();
  }
  // Tasks and words have a third each for sure, however many policies there are to bring about.
  std::uint32_t for_tasks = units / 3;
  std::uint32_t for_words = units / 3;
  units -= for_tasks + for_words;
  (void)service.tiers.settle(now, for_tasks);
  (void)service.directives.rewrite(service.tiers, for_words);
  units += for_tasks + for_words;
  renew_some(service, units, now);
  repin_some(service, units, now);
  const bool settled = service.tiers.settle(now, units);
  const bool written = service.directives.rewrite(service.tiers, units);
  const bool all = service.admitted == changes_ && service.renewing.ended() && settled && written;
  if (all) service.directives.resume();
  return all;
}

bool PolicyInForce::go_on(Services services, Time now) {
  std::uint32_t units = kUnitsATick;
  until_ = clock_() + kTimeATick;
  late_ = false;
  bool all = true;
  bool pinned = true;
  ++first_;
  for (std::size_t n = 0; n < services.size(); ++n) {
    Service& service = *services[(first_ + n) % services.size()];
    if (service.quarantined) continue;
    if (!go_on(service, units, now)) all = false;
    if (!service.repinning.ended()) pinned = false;
  }
  working_ = !all || !pinned;
  if (!changing_ || !all) return false;
  changing_ = false;
  revision_ = newest_;
  for (const auto& service : services) {
    if (!service->quarantined) service->directives.set_revision(revision_);
  }
  return true;
}

}  // namespace pulsed
