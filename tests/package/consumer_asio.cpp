// The adapter against the installed package: a coroutine whose polls are those of a task.
#include <pulsed/asio.hpp>
#include <pulsed/shim.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cstdlib>

int main() {
  pulsed::Session session{{.service = "consumer", .run_dir = "/nonexistent"}};
  boost::asio::io_context context;
  pulsed::asio::task_executor executor(context.get_executor(),
                                       session.open(session.task_class("checkout/render")));
  int steps = 0;
  auto work = [&]() -> boost::asio::awaitable<void> {
    for (; steps < 3; ++steps) {
      co_await pulsed::asio::checkpoint();
      if (pulsed::should_yield()) co_await pulsed::asio::yield_now();
    }
  };
  boost::asio::co_spawn(executor, work, boost::asio::detached);
  context.run();
  return steps == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
}
