#include "daemon/collect/service.h"

namespace pulsed::collect {

Service::Service(attach::AttachedService&& attached, bool enforce)
    : peer(std::move(attached)),
      s(shm::service_regions(peer.end.service.data(), peer.end.service_header)),
      directives(shm::daemon_regions(peer.end.daemon.data(), peer.end.daemon_header),
                 peer.dimensions, enforce),
      tiers({peer.dimensions.tasks, peer.dimensions.classes}) {}

}  // namespace pulsed::collect
