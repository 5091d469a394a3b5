// Counters by service and class name, over processes that come and go: what snapshots are made of.
//
// Live services are added up when a snapshot is built; what a departed one had counted is kept here, so that no series
// falls while it is shown. Series of a name without a process disappear after a time, or before that when a name with a
// process needs the room. Which names have series of their own is remembered: what is in `other` once does not leave
// it while its process lives. The loop's thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/collect/service.h"
#include "daemon/snapshot.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

class Ledger {
 public:
  struct Caps {  // on distinct names; further ones are `other`
    std::size_t services = 100;
    std::size_t classes = 100;  // of all services
    std::size_t classes_per_service = 100;
    policy::Duration keep_departed = std::chrono::minutes{5};
  };
  explicit Ledger(Caps caps) : caps_(caps) {}

  void set_caps(Caps caps) { caps_ = caps; }
  using Live = std::vector<std::unique_ptr<collect::Service>>;
  // Books what a service that detaches has counted. Its totals must have been read.
  void close(const collect::Service& service, policy::Time now);
  // Everything, live services included. The clock dates polls in flight.
  void fill(Snapshot& snapshot, const Live& live, const shm::TickClock& clock, policy::Time now);

 private:
  struct Entry {
    ServiceSnapshot service;
    std::map<std::string, ClassSnapshot, std::less<>> classes;
    policy::Time seen{};  // a process of that name was attached
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  // Who has a series of its own, and who was put into `other`.
  struct Names {
    std::set<std::string, std::less<>> own;
    std::set<std::string, std::less<>> folded;  // at most kMostFolded; further ones are folded, too
  };
  static constexpr std::size_t kMostFolded = 4096;

  using ClassNames = std::map<std::string, Names, std::less<>>;

  const std::string& service_series(const std::string& name);
  const std::string& class_series(Names& names, const std::string& name);
  const std::string& series(Names& names, const std::string& name, bool room);
  [[nodiscard]] bool room_for_class(const std::string& name) const;
  void forget_classes(ClassNames::iterator of);
  ClassSnapshot* sum_of(Entry& e, const std::string& service_series, const collect::ClassView& view,
                        bool unnamed);
  std::pair<const std::string, Entry>& book(Entries& entries, const collect::Service& service,
                                            policy::Time now);
  void make_room(const Live& live, policy::Time now);
  void make_room_for_classes(const Live& live, const std::set<std::string, std::less<>>& names);
  bool release_longest_gone(const std::set<std::string, std::less<>>& live);

  Caps caps_;
  Entries departed_;
  Names services_;
  ClassNames classes_;                                            // by the service's series
  std::map<std::string, std::size_t, std::less<>> class_values_;  // in how many of those it is own
  std::uint64_t folded_ = 0;  // names put into `other`, each once
};

}  // namespace pulsed
