// The executor that makes everything run through it polls of one task.
#pragma once

#include <pulsed/asio/compact_inner.hpp>
#include <pulsed/asio/config.hpp>
#include <pulsed/asio/task_state.hpp>

#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace pulsed::asio {

template <typename Inner>
class task_executor;

namespace detail {

template <typename>
inline constexpr bool is_strand = false;
template <typename Inner>
inline constexpr bool is_strand<net::strand<Inner>> = true;

template <typename>
inline constexpr bool is_io_context_executor = false;
template <typename Allocator, auto Bits>
inline constexpr bool
    is_io_context_executor<net::io_context::basic_executor_type<Allocator, Bits>> = true;

template <typename>
inline constexpr bool is_thread_pool_executor = false;
template <typename Allocator, auto Bits>
inline constexpr bool
    is_thread_pool_executor<net::thread_pool::basic_executor_type<Allocator, Bits>> = true;

template <typename Inner>
net::execution_context* context_of(const Inner& inner) {
  if constexpr (net::can_query<const Inner&, net::execution::context_t>::value) {
    return &static_cast<net::execution_context&>(net::query(inner, net::execution::context));
  } else {
    return nullptr;
  }
}

template <typename Context>
bool holds_executor_of(const net::any_io_executor& any) {
  return any.target_type() == typeid(typename Context::executor_type) ||
         any.target_type() == typeid(tracked_executor_t<Context>);
}

// Does a strand over an io_context stand behind it? Its tasks never move, but a thread that polls
// them runs that context.
inline bool holds_strand_on_io_context(const net::any_io_executor& any) {
  if (any.target_type() == typeid(net::strand<net::io_context::executor_type>)) return true;
  using OverAny = net::strand<net::any_io_executor>;
  if (any.target_type() != typeid(OverAny)) return false;
  const net::any_io_executor inner = any.target<OverAny>()->get_inner_executor();
  return holds_executor_of<net::io_context>(inner) || holds_strand_on_io_context(inner);
}

template <typename Inner>
Home home_of(const Inner& inner) {
  net::execution_context* const context = context_of(inner);
  if (context == nullptr) return {};
  bool io = is_io_context_executor<Inner>;
  bool pool = is_thread_pool_executor<Inner>;
  bool strand_on_io = false;
  if constexpr (std::is_same_v<Inner, net::any_io_executor>) {
    io = holds_executor_of<net::io_context>(inner);
    pool = holds_executor_of<net::thread_pool>(inner);
    strand_on_io = !io && !pool && holds_strand_on_io_context(inner);
  }
  if (io || strand_on_io) {
    auto* const spares = &net::use_service<SpareWorkers>(*context);
    return {.pool = &spares->pool(),
            .spares = spares,
            .io = io ? &spares->io() : nullptr,
            .migratable = io,
            .run_loop_known = true};
  }
  return {.pool = &net::use_service<IsolationPool>(*context),
          .migratable = pool,
          .run_loop_known = pool};
}

}  // namespace detail

// The task behind an executor. Valid as long as a copy of the executor lives.
class task_reference {
 public:
  explicit task_reference(detail::TaskState& state) : state_(state) {}
  // From now on; inside a poll of the task, for that poll too. Not while another thread polls it.
  void set_class(TaskClass cls) { state_.set_class(cls); }
  [[nodiscard]] std::uint32_t directive() const { return state_.directive(); }
  [[nodiscard]] bool isolated() const { return (directive() & PULSED_DIRECTIVE_ISOLATE) != 0; }
  // Of its class, as shares of the isolation pool's time: see pulsed_task_weight().
  [[nodiscard]] std::uint32_t weight() const { return state_.weight(); }
  [[nodiscard]] pulsed_task handle() const { return state_.handle(); }

 private:
  detail::TaskState& state_;
};

// Copies share the task, which is closed when the last copy and the last queued function are gone.
// A task is one chain of handlers: those that may run at the same time want a strand over the
// executor, or a task each. Thread-safe as Inner is.
template <typename Inner>
class task_executor {
  static_assert(
      !detail::is_strand<Inner>,
      "pulsed: make the strand over the task_executor, make_strand(task_executor(...)): a task "
      "inside a strand could not move to the isolation pool without leaving the strand");
  static_assert(net::execution::is_executor<Inner>::value,
                "pulsed: task_executor needs an executor as of Boost.Asio 1.74, such as "
                "context.get_executor()");

 public:
  using inner_executor_type = Inner;

  // Takes the task over. An any_io_executor that holds a task_executor is unwrapped: a poll of a
  // new task is no poll of the task that spawned it.
  task_executor(Inner inner, Task&& task)
      : task_executor(std::move(task), unwrapped(std::move(inner))) {}
  // Another task on the inner executor of `sibling`.
  task_executor(const task_executor& sibling, Task&& task)
      : task_executor(std::move(task), sibling.inner()) {}
  // Opens a task of that class.
  template <typename Executor>
  task_executor(const Executor& inner, Session& session, TaskClass cls)
      : task_executor(inner, session.open(cls)) {}

  [[nodiscard]] Inner inner() const noexcept { return inner_.get(); }
  [[nodiscard]] task_reference task() const noexcept { return task_reference(*state_); }

  // The rest is what Asio asks of an executor; properties are those of Inner.
  template <typename Property>
  requires net::can_query<const Inner&, Property>::value auto query(const Property& property) const
      noexcept(net::is_nothrow_query<const Inner&, Property>::value) ->
      typename net::query_result<const Inner&, Property>::type {
    return inner_.query(property);
  }

  template <typename Property>
  requires net::can_require<const Inner&, Property>::value auto require(
      const Property& property) const& {
    return with(state_, inner_.require(property));
  }
  template <typename Property>
  requires net::can_prefer<const Inner&, Property>::value auto prefer(
      const Property& property) const& {
    return with(state_, inner_.prefer(property));
  }
  // Asio asks one property after another of temporaries, and each copy of the pointer is two locked
  // instructions.
  template <typename Property>
  requires net::can_require<const Inner&, Property>::value auto require(
      const Property& property) && {
    return with(std::move(state_), inner_.require(property));
  }
  template <typename Property>
  requires net::can_prefer<const Inner&, Property>::value auto prefer(const Property& property) && {
    return with(std::move(state_), inner_.prefer(property));
  }

  template <typename F>
  void execute(F&& f) const& {
    submit(detail::PollFunction<std::decay_t<F>>(state_, std::forward<F>(f)));
  }
  template <typename F>
  void execute(F&& f) && {
    submit(detail::PollFunction<std::decay_t<F>>(std::move(state_), std::forward<F>(f)));
  }

#if !defined(PULSED_ASIO_NO_WORK_COUNT)
  // For those that still speak the Networking TS.
  [[nodiscard]] decltype(auto) context()
      const noexcept requires net::can_query<const Inner&, net::execution::context_t>::value {
    return inner_.query(net::execution::context);
  }
#endif

  friend bool operator==(const task_executor& a, const task_executor& b) noexcept {
    return a.state_ == b.state_ && a.inner() == b.inner();
  }
  friend bool operator!=(const task_executor& a, const task_executor& b) noexcept {
    return !(a == b);
  }

 private:
  template <typename>
  friend class task_executor;

  task_executor(Task&& task, Inner inner)
      : state_(std::move(task), detail::home_of(inner)), inner_(std::move(inner)) {}
  task_executor(detail::TaskStatePtr state, Inner inner) noexcept
      : state_(std::move(state)), inner_(std::move(inner)) {}

  template <typename Other>
  [[nodiscard]] static task_executor<std::decay_t<Other>> with(detail::TaskStatePtr state,
                                                               Other&& other) noexcept {
    return {std::move(state), std::forward<Other>(other)};
  }

  static Inner unwrapped(Inner inner) {
    if constexpr (std::is_same_v<Inner, net::any_io_executor>) {
      using net::io_context;
      using net::thread_pool;
      if (auto* held = held_in<io_context::executor_type>(inner)) return held->inner();
      if (auto* held = held_in<thread_pool::executor_type>(inner)) return held->inner();
      if (auto* held = held_in<net::any_io_executor>(inner)) return held->inner();
    }
    return inner;
  }
  template <typename Held>
  static const task_executor<Held>* held_in(const net::any_io_executor& any) {
    // Asio 1.74 does not check the type itself.
    if (any.target_type() != typeid(task_executor<Held>)) return nullptr;
    return any.template target<task_executor<Held>>();
  }

  template <typename F>
  void submit(detail::PollFunction<F>&& poll) const {
    if (poll.task().goes_to_pool() && isolate(poll)) [[unlikely]]
      return;
    const detail::Submitting submitting;
    detail::execute_on(inner_.runner(), std::move(poll));
  }

  // Takes the function to the pool, or leaves it untouched: where execute() must not return before
  // it is done, and where it belongs to the poll in flight on a thread of the context.
  template <typename F>
  [[gnu::noinline]] bool isolate(detail::PollFunction<F>& poll) const {
    if constexpr (net::can_require<const Inner&, net::execution::blocking_t::never_t>::value) {
      const Inner inner = inner_.get();
      const auto blocking = net::query(inner, net::execution::blocking);
      if (blocking == net::execution::blocking.always) return false;
      const detail::TaskState& task = poll.task();
      using Item = detail::IsolatedPoll<Inner, detail::PollFunction<F>>;
      if (blocking != net::execution::blocking.never && detail::thread_state().current == &task) {
        if (!detail::thread_state().isolation) return false;
        Item(inner, nullptr, task.origin(), std::move(poll)).run_inline();
        return true;
      }
      const detail::Home& home = task.home();
      auto item = std::make_unique<Item>(inner, home.io, task.origin(), std::move(poll));
      const auto refused = home.pool->threads().submit(std::move(item));
      if (refused != nullptr) refused->hand_back();
      return true;
    } else {
      return false;
    }
  }

  detail::TaskStatePtr state_;
  detail::CompactInner<Inner> inner_;
};

template <typename Inner>
task_executor(task_executor<Inner>, Task&&) -> task_executor<Inner>;
template <typename Inner>
task_executor(task_executor<Inner>, Session&, TaskClass) -> task_executor<Inner>;
template <typename Inner>
task_executor(Inner, Session&, TaskClass) -> task_executor<Inner>;

}  // namespace pulsed::asio
