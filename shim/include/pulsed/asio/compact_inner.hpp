// An inner executor in at most 8 bytes, where it can be: with the task's pointer it then fits into
// any_io_executor (16 bytes) without an allocation, and an I/O operation makes several such copies.
//
// Boost.Asio 1.74 spends 16 bytes on the executors of io_context and thread_pool, though all they
// say is a context, two bits, and by their type whether they track work. Any other executor is
// stored as it is.
#pragma once

#include <pulsed/asio/config.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace pulsed::asio::detail {

template <typename Context>
using tracked_executor_t =
    std::decay_t<decltype(net::require(std::declval<const typename Context::executor_type&>(),
                                       net::execution::outstanding_work.tracked))>;

#if defined(PULSED_ASIO_NO_WORK_COUNT)
template <typename Inner, typename Context>
inline constexpr bool compactable = false;
#else
template <typename Inner, typename Context>
inline constexpr bool compactable =
    (std::is_same_v<Inner, typename Context::executor_type> ||
     std::is_same_v<Inner, tracked_executor_t<Context>>)&&sizeof(Inner) > sizeof(void*);
#endif

template <typename Inner>
class CompactInner {
 public:
  explicit CompactInner(Inner&& inner) noexcept : inner_(std::move(inner)) {}
  [[nodiscard]] Inner get() const noexcept { return inner_; }
  [[nodiscard]] const Inner& runner() const noexcept { return inner_; }
  template <typename Property>
  [[nodiscard]] decltype(auto) query(const Property& property) const {
    return net::query(inner_, property);
  }
  template <typename Property>
  [[nodiscard]] auto require(const Property& property) const {
    return net::require(inner_, property);
  }
  template <typename Property>
  [[nodiscard]] auto prefer(const Property& property) const {
    return net::prefer(inner_, property);
  }

 private:
  Inner inner_;
};

template <typename Property>
inline constexpr bool is_about_work =
    std::is_same_v<Property, net::execution::outstanding_work_t> ||
    std::is_same_v<Property, net::execution::outstanding_work_t::tracked_t> ||
    std::is_same_v<Property, net::execution::outstanding_work_t::untracked_t>;
template <typename Property>  // as any_io_executor asks
inline constexpr bool is_about_work<net::execution::prefer_only<Property>> =
    is_about_work<Property>;

template <typename Inner, typename Context>
class ContextBits {
 public:
  // Takes over the work that a tracking executor counts.
  explicit ContextBits(Inner&& inner) noexcept
      : bits_(reinterpret_cast<std::uintptr_t>(&net::query(inner, net::execution::context))) {
    const auto relationship = net::query(inner, net::execution::relationship);
    if (net::query(inner, net::execution::blocking) == net::execution::blocking.never)
      bits_ |= kNever;
    if (relationship == net::execution::relationship.continuation) bits_ |= kContinuation;
    [[maybe_unused]] const NeverEnded counted(std::move(inner));
  }
  ContextBits(const ContextBits& other) noexcept : bits_(other.bits_) { start_work(); }
  ContextBits(ContextBits&& other) noexcept : bits_(std::exchange(other.bits_, 0)) {}
  ContextBits& operator=(ContextBits other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~ContextBits() {
    if constexpr (kTracked) {
      if (bits_ != 0) context().get_executor().on_work_finished();
    }
  }

  [[nodiscard]] Inner get() const noexcept {
    if constexpr (kTracked) {
      return net::require(runner(), net::execution::outstanding_work.tracked);
    } else {
      return runner();
    }
  }

  // As of get(), without counting its work for the while: each time two locked instructions.
  template <typename Property>
  [[nodiscard]] decltype(auto) query(const Property& property) const {
    if constexpr (is_about_work<Property>) {
      return net::query(get(), property);
    } else {
      return net::query(runner(), property);
    }
  }
  template <typename Property>
  [[nodiscard]] auto require(const Property& property) const {
    return with<Property>([&](const auto& inner) { return net::require(inner, property); });
  }
  template <typename Property>
  [[nodiscard]] auto prefer(const Property& property) const {
    return with<Property>([&](const auto& inner) { return net::prefer(inner, property); });
  }

  // To execute with: as get(), but counting no work of its own.
  [[nodiscard]] typename Context::executor_type runner() const noexcept {
    typename Context::executor_type executor = context().get_executor();
    if ((bits_ & kNever) != 0) {
      executor = net::require(executor, net::execution::blocking.never);
    }
    if ((bits_ & kContinuation) != 0) {
      executor = net::require(executor, net::execution::relationship.continuation);
    }
    return executor;
  }

 private:
  static constexpr bool kTracked = !std::is_same_v<Inner, typename Context::executor_type>;
  static constexpr std::uintptr_t kNever = 1;
  static constexpr std::uintptr_t kContinuation = 2;
  static_assert(alignof(Context) >= 4);

  union NeverEnded {
    explicit NeverEnded(Inner&& from) noexcept : inner(std::move(from)) {}
    ~NeverEnded() {}
    Inner inner;
  };

  template <typename Property, typename Ask>
  [[nodiscard]] auto with(Ask ask) const {
    if constexpr (kTracked && !is_about_work<Property>) {
      return net::require(ask(runner()), net::execution::outstanding_work.tracked);
    } else {
      return ask(get());
    }
  }

  [[nodiscard]] Context& context() const noexcept {
    return *reinterpret_cast<Context*>(bits_ & ~(kNever | kContinuation));
  }
  void start_work() const noexcept {
    if constexpr (kTracked) {
      if (bits_ != 0) context().get_executor().on_work_started();
    }
  }

  std::uintptr_t bits_;  // the context's address; 0: moved from
};

template <typename Inner>
requires compactable<Inner, net::io_context>
class CompactInner<Inner> : public ContextBits<Inner, net::io_context> {
  using ContextBits<Inner, net::io_context>::ContextBits;
};

template <typename Inner>
requires compactable<Inner, net::thread_pool>
class CompactInner<Inner> : public ContextBits<Inner, net::thread_pool> {
  using ContextBits<Inner, net::thread_pool>::ContextBits;
};

}  // namespace pulsed::asio::detail
