// Giving the worker back from inside a poll, for C++20 and for stackful coroutines.
#pragma once

#include <pulsed/asio/config.hpp>
#include <pulsed/shim.hpp>

namespace pulsed::asio {

#if defined(PULSED_ASIO_HAS_CO_AWAIT)

// Ends the poll; the coroutine goes on in its next one, behind what is queued by now, on the
// isolation pool if its task is isolated. Counted as a yield obeyed if one was asked for.
template <typename Executor = net::any_io_executor>
net::awaitable<void, Executor> yield_now() {
  pulsed::yielding();
  co_await net::post(co_await net::this_coro::executor, net::use_awaitable_t<Executor>{});
}

// Yields if asked to, otherwise goes on. Costs a coroutine frame; where that is too much, and it
// costs nothing when not asked: if (pulsed::should_yield()) co_await pulsed::asio::yield_now();
template <typename Executor = net::any_io_executor>
net::awaitable<void, Executor> checkpoint() {
  if (pulsed::should_yield()) co_await yield_now<Executor>();
}

#endif

// The same for spawn(). Call it with the coroutine's own yield context.
template <typename T>
void yield_now(const net::basic_yield_context<T>& yield) {
  pulsed::yielding();
  net::post(yield);
}

template <typename T>
void checkpoint(const net::basic_yield_context<T>& yield) {
  if (pulsed::should_yield()) yield_now(yield);
}

}  // namespace pulsed::asio
