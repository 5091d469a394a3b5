// Which Asio: Boost's, or the standalone one where PULSED_ASIO_STANDALONE is defined. The rest of
// the adapter says `net`.
#pragma once

#include <utility>  // Boost.Asio 1.74 uses std::exchange without including it

#if defined(PULSED_ASIO_STANDALONE)

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/require.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>

namespace pulsed::asio {
namespace net = ::asio;
}
namespace asio {
template <typename>
class basic_yield_context;  // of <asio/spawn.hpp>, which needs Boost.Coroutine
}
#if defined(ASIO_HAS_CO_AWAIT)
#define PULSED_ASIO_HAS_CO_AWAIT 1
#include <asio/awaitable.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#endif
#if defined(ASIO_NO_TS_EXECUTORS)
#define PULSED_ASIO_NO_WORK_COUNT 1
#endif

#else

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

namespace pulsed::asio {
namespace net = ::boost::asio;
}
namespace boost::asio {
template <typename>
class basic_yield_context;  // of <boost/asio/spawn.hpp>, which needs Boost.Coroutine
}
#if defined(BOOST_ASIO_HAS_CO_AWAIT)
#define PULSED_ASIO_HAS_CO_AWAIT 1
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#endif
#if defined(BOOST_ASIO_NO_TS_EXECUTORS)
#define PULSED_ASIO_NO_WORK_COUNT 1
#endif

#endif

namespace pulsed::asio::detail {

// Some versions keep execute() of their executors for a customisation point, others have no such
// point.
template <typename Executor, typename F>
void execute_on(const Executor& executor, F&& f) {
  if constexpr (requires { executor.execute(std::forward<F>(f)); }) {
    executor.execute(std::forward<F>(f));
  } else {
    net::execution::execute(executor, std::forward<F>(f));
  }
}

}  // namespace pulsed::asio::detail
