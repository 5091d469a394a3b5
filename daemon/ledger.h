// Counters by service and class name, over processes that come and go: what snapshots are made of.
//
// Live services are added up when a snapshot is built; what a departed one had counted is kept here, so that no series
// falls while it is shown. Series of a name without a process disappear after kKeptAfterDetach. The loop's thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/collect/service.h"
#include "daemon/snapshot.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

class Ledger {
 public:
  static constexpr std::chrono::minutes kKeptAfterDetach{5};

  struct Caps {
    std::size_t services = 100;             // distinct service names; further ones are `other`
    std::size_t classes_per_service = 100;  // distinct class names; further ones are `other`
  };
  explicit Ledger(Caps caps) : caps_(caps) {}

  void set_caps(Caps caps) { caps_ = caps; }
  // Books what a service that detaches has counted. Its totals must have been read.
  void close(const collect::Service& service, policy::Time now);
  // Everything, live services included. The clock dates polls in flight.
  void fill(Snapshot& snapshot, const std::vector<std::unique_ptr<collect::Service>>& live,
            const shm::TickClock& clock, policy::Time now);

 private:
  struct Entry {
    ServiceSnapshot service;
    std::map<std::string, ClassSnapshot, std::less<>> classes;
    policy::Time seen{};  // a process of that name was attached
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  Entry& entry(Entries& entries, const std::string& name, std::uint64_t& folded) const;
  void book(Entries& entries, const collect::Service& service, policy::Time now,
            std::uint64_t& folded) const;

  Caps caps_;
  Entries departed_;
};

}  // namespace pulsed
