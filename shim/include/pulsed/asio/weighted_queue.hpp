// The queue of one isolation pool: first in, first out within a task class, deficit round robin among
// the classes that have work (class_credit.hpp).
//
// Classes that have work all the time get, whenever one looks, times of the pool's threads in proportion
// to their weights, but for a round's credit and the longest polls that these run at once. Every class
// comes to its turn, once rounds have paid for its latest polls. With a single class it is a plain
// queue.
//
// A class in debt pays also while it has no work, as long as others wait: else one that rests for a
// moment after each long poll would get all it wants. Credit ends with the work: nobody saves up.
// Items of one task leave in the order they came, even if its class changes in between: those of the
// new class wait until those of the old one are gone, and then join the new one.
//
// Pure: no clock, no lock. Memory is that of what waits, runs, or owes. A round takes one pass over
// these classes; all else the same time for any number of them.
#pragma once

#include <pulsed/asio/class_credit.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <list>
#include <unordered_map>
#include <utility>

namespace pulsed::asio::detail {

// Unique over all sessions: several may have tasks in one pool.
struct IsolatedClass {
  const void* session = nullptr;
  std::uint16_t id = 0;
  friend bool operator==(const IsolatedClass&, const IsolatedClass&) = default;
};

template <typename Item>
class WeightedQueue {
 public:
  // Of an item that was taken, for its end.
  struct Turn {
    IsolatedClass cls;
    ClassCredit::Advance advance;
  };
  struct Taken {
    Item item;
    Turn turn;
  };

  [[nodiscard]] bool empty() const noexcept { return waiting_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_; }
  // That have work or debt.
  [[nodiscard]] std::size_t classes() const noexcept { return lanes_.size(); }

  // `weight`: of the class from now on, [1, 1000]. `task` tells apart those that have something here.
  // Where it throws, for lack of memory, the item stays with the caller.
  void push(const IsolatedClass& cls, std::uint32_t weight, const void* task, Item&& item) {
    TaskItems& of_task = tasks_[task];
    Lane& lane = *lane_of(cls);
    lane.credit.weigh(weight);
    if (of_task.count == 0) of_task.lane = &lane;
    if (of_task.lane == &lane && of_task.later.empty()) {
      lane.items.emplace_back(task, &lane, std::move(item));
      ++of_task.count;
    } else {
      of_task.later.emplace_back(task, &lane, std::move(item));
      ++lane.coming;
    }
    ++waiting_;
  }

  // Not of an empty queue. Once the item is done with, end() is to follow.
  [[nodiscard]] Taken take() {
    Place lane = next_lane();
    if (lane == lanes_.end()) {
      begin_round();
      lane = next_lane();
    }
    Item item = take_first(*lane);
    ++running_;
    const auto advance = lane->credit.begin_poll();
    if (!lane->credit.any()) lanes_.splice(lanes_.end(), lanes_, lane);
    return {std::move(item), {lane->cls, advance}};
  }

  // The item used so much of a thread, and its class has that weight now. Nothing, where the queue was
  // assigned to since.
  void end(const Turn& turn, ClassCredit::Time used, std::uint32_t weight) {
    const auto known = by_class_.find(turn.cls);
    if (known == by_class_.end() || known->second->credit.running() == 0) return;
    const Place lane = known->second;
    --running_;
    const bool before = lane->credit.any();
    lane->credit.weigh(weight);
    lane->credit.end_poll(turn.advance, used);
    const bool after = lane->credit.any();
    if (waiting_ == 0 && running_ == 0) {  // there is nobody to pay
      while (!lanes_.empty()) forget(lanes_.begin());
    } else if (lane->forgettable()) {
      forget(lane);
    } else if (before != after) {  // its turn goes on, or is over
      lanes_.splice(after ? lanes_.begin() : lanes_.end(), lanes_, lane);
    }
  }

 private:
  struct Lane;
  struct Waiting {
    Waiting(const void* of, Lane* in, Item&& what) : task(of), lane(in), item(std::move(what)) {}
    const void* task;
    Lane* lane;  // of its class
    Item item;
  };
  struct Lane {
    IsolatedClass cls;
    ClassCredit credit{};
    std::list<Waiting> items{};
    std::size_t coming = 0;  // items that their tasks' earlier ones, in other lanes, hold back

    [[nodiscard]] bool forgettable() const noexcept {
      return items.empty() && coming == 0 && credit.running() == 0 && !credit.owes();
    }
  };
  using Place = typename std::list<Lane>::iterator;
  struct TaskItems {
    Lane* lane = nullptr;        // where its first ones wait ...
    std::size_t count = 0;       // ... so many of them
    std::list<Waiting> later{};  // the others
  };
  struct Hash {
    std::size_t operator()(const IsolatedClass& cls) const noexcept {
      return std::hash<const void*>{}(cls.session) * 31 + cls.id;
    }
  };

  Place lane_of(const IsolatedClass& cls) {
    if (const auto known = by_class_.find(cls); known != by_class_.end()) return known->second;
    std::list<Lane> fresh;
    fresh.push_back({.cls = cls});
    const Place lane = by_class_.emplace(cls, fresh.begin()).first->second;
    lanes_.splice(lanes_.end(), fresh);
    return lane;
  }
  void forget(Place lane) {
    by_class_.erase(lane->cls);
    lanes_.erase(lane);
  }

  // end() if none that waits has credit.
  [[nodiscard]] Place next_lane() {
    Place lane = lanes_.begin();
    while (lane != lanes_.end() && lane->credit.any() && lane->items.empty()) ++lane;
    return lane != lanes_.end() && lane->credit.any() ? lane : lanes_.end();
  }
  Item take_first(Lane& lane) {
    const auto of_task = tasks_.find(lane.items.front().task);
    Item item = std::move(lane.items.front().item);
    lane.items.pop_front();
    --waiting_;
    if (--of_task->second.count == 0) {
      bring_later(of_task->second);
      if (of_task->second.count == 0) tasks_.erase(of_task);
    }
    return item;
  }
  // Those of one class that come next.
  static void bring_later(TaskItems& of_task) noexcept {
    std::list<Waiting>& later = of_task.later;
    if (later.empty()) return;
    Lane& lane = *later.front().lane;
    of_task.lane = &lane;
    while (!later.empty() && later.front().lane == &lane) {
      lane.items.splice(lane.items.end(), later, later.begin());
      --lane.coming;
      ++of_task.count;
    }
  }

  // None that waits has credit: as many rounds at once as it takes until one has.
  void begin_round() {
    auto rounds = std::numeric_limits<ClassCredit::Rounds>::max();
    for (const Lane& lane : lanes_) {
      if (!lane.items.empty()) rounds = std::min(rounds, lane.credit.rounds_needed());
    }
    Place next = lanes_.begin();
    for (std::size_t left = lanes_.size(); left != 0; --left) {
      const Place lane = next++;
      lane->credit.add_rounds(rounds, !lane->items.empty());
      if (lane->forgettable()) {
        forget(lane);
      } else if (!lane->credit.any()) {
        lanes_.splice(lanes_.end(), lanes_, lane);
      }
    }
  }

  std::list<Lane> lanes_;  // those with credit first; otherwise in the order of their turns
  std::unordered_map<IsolatedClass, Place, Hash> by_class_;
  std::unordered_map<const void*, TaskItems> tasks_;  // that have something waiting
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
};

}  // namespace pulsed::asio::detail
