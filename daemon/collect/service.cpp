#include "daemon/collect/service.h"

namespace pulsed::collect {

Service::Service(attach::AttachedService&& attached)
    : peer(std::move(attached)),
      s(shm::service_regions(peer.end.service.data(), peer.end.service_header)),
      directives(shm::daemon_regions(peer.end.daemon.data(), peer.end.daemon_header),
                 peer.dimensions),
      words(shm::daemon_regions(peer.end.daemon.data(), peer.end.daemon_header), peer.dimensions),
      tiers({peer.dimensions.tasks, peer.dimensions.classes}) {}

bool Service::set_policy(policy::ClassId cls, const policy::ClassPolicy& policy, Time now) {
  tiers.set_class_policy(cls, policy, now);
  const act::ClassMode was = directives.mode(cls);
  directives.set_mode(cls, act::mode_of(policy));
  return was != directives.mode(cls);
}

policy::Blame TrackedPoll::most_blamed() const {
  // Proven, whatever the looks at it happened to fall on.
  if (cpu * 2 > age) return policy::Blame::kBurning;
  std::size_t most = static_cast<std::size_t>(blame);
  for (std::size_t b = 0; b < blamed.size(); ++b) {
    if (blamed[b] > blamed[most]) most = b;
  }
  return static_cast<policy::Blame>(most);
}

}  // namespace pulsed::collect
