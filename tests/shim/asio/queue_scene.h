// A weighted queue under load, in time that the test makes up: classes that always have something
// waiting, or chains of which each poll brings the next, on any number of threads.
#pragma once

#include <pulsed/asio/weighted_queue.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace pulsed::test {

using asio::detail::ClassCredit;
using asio::detail::IsolatedClass;
using Time = ClassCredit::Time;

class QueueScene {
 public:
  struct Class {
    std::uint32_t weight = 100;
    std::function<Time()> cost{};  // of its next poll
    int tasks = 20;                // each polled again and again
    Time pause{};                  // from the end of a poll until its task is queued again
    Time used{};                   // by polls that have ended
    int polls = 0;
  };

  QueueScene(std::vector<Class> of, int threads) : classes(std::move(of)), idle_(threads) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      for (int i = 0; i < classes[c].tasks; ++i) {
        at(Time::zero(), Event::kArrival, {c, tasks_.size()});
        tasks_.push_back(0);
      }
    }
  }

  // To the end of the next poll.
  void step() {
    const int before = ended_;
    while (ended_ == before) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.kind == Event::kArrival ? arrive(event.poll) : end(event);
      if (events_.empty() || events_.top().at > now_) start();
    }
  }
  void run(Time until) {
    while (now_ < until) step();
  }

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] const auto& queue() const { return queue_; }
  static IsolatedClass id(std::size_t cls) { return {nullptr, static_cast<std::uint16_t>(cls)}; }

  std::vector<Class> classes;
  std::function<void(std::size_t cls)> on_start = [](std::size_t) {};

 private:
  struct Poll {
    std::size_t cls;
    std::size_t task;
  };
  using Queue = asio::detail::WeightedQueue<Poll>;
  struct Event {
    enum Kind : std::uint8_t { kArrival, kEnd };
    Time at;
    std::uint64_t order;
    Kind kind;
    Poll poll;
    Queue::Turn turn;
    Time used;
    bool operator<(const Event& other) const {
      return std::pair(other.at, other.order) < std::pair(at, order);
    }
  };

  void at(Time when, Event::Kind kind, Poll poll, Queue::Turn turn = {}, Time used = {}) {
    events_.push({when, ++order_, kind, poll, turn, used});
  }
  void arrive(Poll poll) {
    queue_.push(id(poll.cls), classes[poll.cls].weight, &tasks_[poll.task], Poll(poll));
  }
  void end(const Event& event) {
    Class& cls = classes[event.poll.cls];
    cls.used += event.used;
    ++cls.polls;
    ++ended_;
    ++idle_;
    // As a chain does: what comes next is queued within the poll.
    if (cls.pause == Time::zero()) {
      arrive(event.poll);
    } else {
      at(now_ + cls.pause, Event::kArrival, event.poll);
    }
    queue_.end(event.turn, event.used, cls.weight);
  }
  void start() {
    for (; idle_ != 0 && !queue_.empty(); --idle_) {
      const auto [poll, turn] = queue_.take();
      on_start(poll.cls);
      const Time cost = classes[poll.cls].cost();
      at(now_ + cost, Event::kEnd, poll, turn, cost);
    }
  }
  Queue queue_;
  std::vector<char> tasks_;  // by address
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0;
  Time now_{};
  int idle_;
  int ended_ = 0;
};

}  // namespace pulsed::test
