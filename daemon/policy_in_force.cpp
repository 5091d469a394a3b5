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

policy::ClassPolicy PolicyInForce::of(const Service& service, const collect::ClassView& cls) const {
  const std::string& name = service.peer.name;
  policy::ClassPolicy resolved =
      policy::resolve(policy_, {name, cls.name, service.peer.uid}, cls.priority);
  // Observe counts violations and moves nothing.
  if (resolved.enforcement == Enforcement::kObserve)
    resolved.fields.max_tier = policy::Tier::kMonitor;
  if (pins_.empty()) return resolved;
  if (const auto pin = pins_.find({name, cls.name}); pin != pins_.end())
    resolved.pinned = pin->second;
  return resolved;
}

// Any class of it, also one that it registers later.
bool PolicyInForce::may_enforce(const Service& service) const {
  if (policy_.enforcement_limit != Enforcement::kEnforce) return false;
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
  for (const auto& service : services) {
    service->classes_left = service->classes.size();
    // What nothing may be asked of is let go at once, whatever else there is to do.
    if (!service->quarantined && service->enforceable && !may_enforce(*service))
      admit(*service, now);
  }
}

void PolicyInForce::admit(Service& service, Time now) const {
  const bool could = service.enforceable;
  service.enforceable = may_enforce(service);
  if (could && !service.enforceable) held_.release(service, now);
  std::uint64_t abilities = service.enforceable ? PULSED_DAEMON_WAKES_SPARES : 0;
  if (service.enforceable && held_.can_demote()) abilities |= PULSED_DAEMON_DEMOTES;
  service.words.set_abilities(abilities);
}

void PolicyInForce::pin(const Pins::Change& change, Services services, Time now) {
  if (change.tier) {
    pins_.insert_or_assign(change.cls, *change.tier);
  } else {
    pins_.erase(change.cls);
  }
  for (const auto& service : services) {
    if (service->quarantined || service->peer.name != change.cls.service) continue;
    for (std::size_t i = 0; i < service->classes.size(); ++i) {
      if (service->classes[i].name == change.cls.task_class) renew(*service, i, now);
    }
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

bool PolicyInForce::go_on(Service& service, std::uint32_t& units, Time now) {
  const auto cost = kUnitsAClass + static_cast<std::uint32_t>(policy_.rules.size());
  while (service.classes_left != 0 && units >= cost) {
    if (service.next_class >= service.classes.size()) service.next_class = 0;
    renew(service, service.next_class++, now);
    --service.classes_left;
    units -= cost;
  }
  if (changing_ && service.enforceable != may_enforce(service)) admit(service, now);
  const bool settled = service.tiers.settle(now, units);
  const bool written = service.directives.rewrite(service.tiers, units);
  return service.classes_left == 0 && settled && written;
}

bool PolicyInForce::go_on(Services services, Time now) {
  std::uint32_t units = kUnitsATick;
  bool all = true;
  ++first_;
  for (std::size_t n = 0; n < services.size(); ++n) {
    Service& service = *services[(first_ + n) % services.size()];
    if (!service.quarantined && !go_on(service, units, now)) all = false;
  }
  working_ = !all;
  if (!changing_ || !all) return false;
  changing_ = false;
  revision_ = newest_;
  for (const auto& service : services) {
    if (!service->quarantined) service->directives.set_revision(revision_);
  }
  return true;
}

}  // namespace pulsed
