// What one task class may still use of the isolation pool in this round, and what it owes.
//
// The account of deficit round robin (Shreedhar and Varghese, "Efficient Fair Queueing using Deficit
// Round Robin", SIGCOMM 1995), in the form for costs that are known only afterwards (surplus round
// robin: Adiseshu, Parulkar and Varghese, SIGCOMM 1996): a round gives credit in proportion to the
// weight, who has credit may run, and what a poll used is taken off, below zero if it was more.
//
// Pure: times are arguments. For one thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace pulsed::asio::detail {

class ClassCredit {
 public:
  using Time = std::chrono::nanoseconds;
  using Rounds = Time::rep;

  static constexpr std::uint32_t kMaxWeight = 1000;
  // A round's, for each unit of weight: 100 us for an ordinary class.
  static constexpr Time kUnit = std::chrono::microseconds(1);
  // Of a poll, as its way through the pool is not free either: or a class of polls that do nothing would
  // have turns without end.
  static constexpr Time kLeastCost = std::chrono::microseconds(10);
  // So that nothing overflows.
  static constexpr Time kGreatestCost = std::chrono::hours(24);

  // Of a poll in flight, for its end.
  struct Advance {
    Time guess{};
    Time missed{};
  };

  // From now on; [1, 1000].
  void weigh(std::uint32_t weight) noexcept { round_ = kUnit * std::clamp(weight, 1U, kMaxWeight); }

  // What a poll costs shows at its end. Until then, for those that other threads may take, the class's
  // latest is the guess.
  [[nodiscard]] bool any() const noexcept { return credit_ > guessed_; }
  [[nodiscard]] bool owes() const noexcept { return credit_ < Time::zero(); }
  [[nodiscard]] std::size_t running() const noexcept { return running_; }  // polls in flight

  [[nodiscard]] Advance begin_poll() noexcept {
    ++running_;
    const Advance advance{latest_ != Time::zero() ? latest_ : round_, missed_};
    guessed_ += advance.guess;
    return advance;
  }
  void end_poll(const Advance& advance, Time used) noexcept {
    guessed_ -= advance.guess;
    latest_ = std::clamp(used, kLeastCost, kGreatestCost);
    const Time made_up = std::min(latest_, missed_ - advance.missed);
    credit_ = std::max(credit_ + made_up - latest_, -kGreatestCost);
    if (--running_ == 0) missed_ = Time::zero();
  }

  // How many it takes until there is some, at least 1; where there is none.
  [[nodiscard]] Rounds rounds_needed() const noexcept { return (guessed_ - credit_) / round_ + 1; }
  // Without work a class gets no credit, but owes less. What it misses while polls of it are in flight,
  // as it has work then, but none that waits, makes up for what these use, and for nothing else: a part
  // for each.
  void add_rounds(Rounds rounds, bool waiting) noexcept {
    const Time before = credit_;
    credit_ += round_ * rounds;
    if (waiting) return;
    const Time kept = std::min(credit_, std::max(before, Time::zero()));
    if (running_ != 0) {
      missed_ += (credit_ - kept) / static_cast<Rounds>(running_);
      missed_ = std::min(missed_, Time::max() / 2);
    }
    credit_ = kept;
  }

 private:
  Time round_ = kUnit;
  Time credit_{};   // less than zero: debt
  Time guessed_{};  // for polls in flight
  Time latest_{};   // cost of a poll; zero: none has ended
  Time missed_{};   // by each of them
  std::size_t running_ = 0;
};

}  // namespace pulsed::asio::detail
