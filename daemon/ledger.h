// Counters by service and class name, over processes that come and go: what snapshots are made of.
//
// Live services are added up when a snapshot is built; what a departed one had counted is kept here, so that no series
// falls while it is shown. Series of a name without a process disappear after a time, or before that when a name with a
// process needs the room. A process counts in the same series for as long as it lives, be it `other`: they are looked up
// once. The loop's thread alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/collect/service.h"
#include "daemon/snapshot.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

class Ledger {
 public:
  struct Caps {                     // what is beyond is `other`
    std::size_t services = 100;     // distinct names
    std::size_t class_names = 100;  // distinct ones of all services
    std::size_t classes_per_service = 100;
    std::size_t classes = 1'000;  // (service, class), beside one `other` a service
    policy::Duration keep_departed = std::chrono::minutes{5};
  };
  explicit Ledger(Caps caps) : caps_(caps) {}

  void set_caps(Caps caps) { caps_ = caps; }
  using Live = std::vector<std::unique_ptr<collect::Service>>;
  // Books what a service that detaches has counted: each that was ever filled, before it goes. Its totals must have been
  // read.
  void close(const collect::Service& service, policy::Time now);
  // Everything, live services included. The clock dates polls in flight. `between` is called after each service: with
  // thousands of classes each, all of them take long.
  void fill(
      Snapshot& snapshot, const Live& live, const shm::TickClock& clock, policy::Time now,
      const std::function<void()>& between = [] {});

 private:
  using Names = std::set<std::string, std::less<>>;
  static constexpr std::size_t kMostFolded = 4096;

  struct ClassSeries {
    ClassSnapshot gone;             // what departed processes had counted
    ClassSnapshot* sum = nullptr;   // what is added to at present
    bool enforced_by_live = false;  // the sum's enforcement is a live process's
  };
  struct ServiceSeries {
    ServiceSnapshot gone;
    ServiceSnapshot* sum = nullptr;
    std::map<std::string, ClassSeries, std::less<>> classes;
    std::size_t own = 0;  // of them, without `other`
    Names folded;         // classes in `other`: at most kMostFolded are remembered
    policy::Time seen{};  // a process of that name was attached
  };
  // Where a live process counts. Series stay where they are, and longer than it.
  struct Assigned {
    ServiceSeries* service = nullptr;
    std::vector<ClassSeries*> classes;  // by id; null: not shown
  };

  void fold(Names& folded, const std::string& name);
  ServiceSeries& service_series(const std::string& name);
  ClassSeries& class_series(ServiceSeries& of, const std::string& name);
  [[nodiscard]] bool room_for_service() const;
  [[nodiscard]] bool room_for_class(const std::string& name) const;
  void forget_classes(const ServiceSeries& of);
  Assigned& assign(const collect::Service& service, const Names* live);
  static void add_counts(const collect::Service& service, const Assigned& assigned);
  void let_go(const Names& live, policy::Time now);
  bool release_longest_gone(const Names& live);
  void begin(Snapshot& snapshot);

  Caps caps_;
  std::map<std::string, ServiceSeries, std::less<>> series_;
  Names folded_services_;
  std::unordered_map<const collect::Service*, Assigned> assigned_;
  std::size_t own_classes_ = 0;                                  // of all services
  std::map<std::string, std::size_t, std::less<>> class_names_;  // in how many services it is own
  std::uint64_t folded_ = 0;  // names put into `other`: each once, while it is remembered
};

}  // namespace pulsed
