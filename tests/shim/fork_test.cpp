// fork(2) without exec: the child is inert, and its parent goes on as if nothing had been.
//
// The child must not have S mapped at all, so a write to it would kill the child; that it exits well, and that the parent's
// line and totals did not move meanwhile, is what is checked. An alarm bounds each child.
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

// The child's exit status; 0 if all its checks held. 255: a signal ended it.
int in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

// Everything the API has, on the session that the child inherited.
bool every_call_is_inert(Session& session, const Task& task, const char* class_name) {
  pulsed_session* c = session.c_session();
  bool inert = !should_yield();
  yielding();
  pulsed_poll_end();
  pulsed_poll_begin(task.handle());
  inert = inert && !should_yield() && pulsed_tls_hot == nullptr;
  pulsed_poll_next(task.handle());
  pulsed_queue_wait(task.handle(), 1);
  pulsed_poll_end();
  pulsed_task young = pulsed_task_open(c, 1);
  inert = inert && (young.ref & PULSED_REF_SLOT_MASK) == 0;
  pulsed_task_set_class(c, &young, 2);
  pulsed_task_close(c, young);
  pulsed_task_close(c, task.handle());
  inert = inert && pulsed_task_directive(c, task.handle()) == 0;
  inert = inert && pulsed_task_weight(c, task.handle()) == PULSED_WEIGHT_ORDINARY;
  inert = inert && pulsed_class(c, class_name, PULSED_PRIORITY_HIGH) == 0;
  inert = inert && pulsed_worker_attach(c, "child", 0) == -1;
  inert = inert && !session.attached() && !session.wait_attached(kLong);
  pulsed_worker_detach();
  pulsed_session_close(c);
  return inert;
}

struct Forking : AttachedService {
  TaskClass cls = session.task_class("a");
  TaskClass other = session.task_class("b");
  Task task = session.open(cls);
};

TEST_CASE("a child forked inside a poll is inert and the poll goes on") {
  Forking f;
  const Worker worker(f.session);
  f.peer.ask_task(f.task.handle(), PULSED_DIRECTIVE_ISOLATE);
  {
    const PollScope poll(f.task);
    f.peer.ask_to_yield(0, f.line().start);
    const pulsed_worker_line line = f.line();
    const pulsed_class_totals totals = f.totals(f.cls);
    const std::uint32_t identity = f.identity(f.task.handle());
    CHECK(in_child([&] { return every_call_is_inert(f.session, f.task, "child"); }) == 0);
    CHECK(std::memcmp(&line, &f.line(), sizeof(line)) == 0);
    CHECK(std::memcmp(&totals, &f.totals(f.cls), sizeof(totals)) == 0);
    CHECK(f.identity(f.task.handle()) == identity);
    CHECK(f.peer.service.service->classes_high == 3);
    CHECK(f.session.attached());
    CHECK(should_yield());
    yielding();
  }
  CHECK(f.totals(f.cls).polls == 1);
  CHECK(f.totals(f.cls).yields == 1);
  CHECK(f.line().task == 0);
}

TEST_CASE("a child forked between polls or outside any worker is inert") {
  Forking f;
  CHECK(in_child([&] { return every_call_is_inert(f.session, f.task, "child"); }) == 0);
  const Worker worker(f.session);
  { const PollScope poll(f.task); }
  CHECK(in_child([&] { return every_call_is_inert(f.session, f.task, "child"); }) == 0);
  { const PollScope poll(f.task); }
  CHECK(f.totals(f.cls).polls == 2);
}

TEST_CASE("a child goes on to no next poll") {
  Forking f;
  const Worker worker(f.session);
  {
    const PollScope poll(f.task);
    CHECK(in_child([&] {
            pulsed_poll_next(f.task.handle());
            return pulsed_tls_hot == nullptr;
          }) == 0);
    pulsed_poll_next(f.task.handle());
  }
  CHECK(f.totals(f.cls).polls == 2);
}

TEST_CASE("a child ends the nested polls it was forked in to no effect") {
  Forking f;
  const Task inner = f.session.open(f.other);
  const Worker worker(f.session);
  {
    const PollScope a(f.task);
    const PollScope b(inner);
    CHECK(in_child([] {
            for (int i = 0; i < 3; ++i) pulsed_poll_end();
            return !should_yield();
          }) == 0);
  }
  CHECK(f.totals(f.cls).polls == 1);
  CHECK(f.totals(f.other).polls == 1);
}

TEST_CASE("a child's own threads are inert") {
  Forking f;
  const Worker worker(f.session);
  const PollScope poll(f.task);
  CHECK(in_child([&] {
          bool inert = false;
          std::thread([&] { inert = every_call_is_inert(f.session, f.task, "child"); }).join();
          return inert;
        }) == 0);
}

TEST_CASE("a grandchild is as inert as its parent") {
  Forking f;
  const Worker worker(f.session);
  const PollScope poll(f.task);
  CHECK(in_child([&] {
          return in_child([&] { return every_call_is_inert(f.session, f.task, "child"); }) == 0;
        }) == 0);
}

TEST_CASE("a child may open a session of its own and be seen by itself") {
  Forking f;
  const Worker worker(f.session);
  FakeDaemon second;
  const std::string dir = second.run_dir();
  const auto child = [&] {
    Session session{{.service = "child", .run_dir = dir}};
    const Worker own(session, "child");
    if (!own.attached() || !session.wait_attached(kLong)) return false;
    const PollScope poll(session.open(session.task_class("a")));
    return pulsed_tls_hot != nullptr;
  };
  int status = -1;
  std::thread forker([&] {
    const Worker parent(f.session);
    { const PollScope poll(f.task); }
    status = in_child(child);
  });
  const FakeDaemon::Peer peer = second.accept();
  forker.join();
  CHECK(status == 0);
  CHECK(std::string(peer.hello.service) == "child");
  CHECK(peer.service.totals[1].polls == 1);
  CHECK(f.totals(f.cls, 1).polls == 1);
}

// Guarantee: whatever the other threads are doing when one forks, holding the shim's locks included, the child does not
// hang in the shim and writes nothing of its parent's; and no poll of the parent is lost.
TEST_CASE("eight threads fork inside their polls while tasks open and classes register") {
  constexpr int kThreads = 8;
  constexpr int kForks = 6;
  Forking f;
  std::atomic<int> bad{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Worker worker(f.session);
      for (int i = 0; i < kForks; ++i) {
        const Task task = f.session.open(f.cls);
        (void)f.session.task_class("class " + std::to_string(t) + "." + std::to_string(i));
        const PollScope poll(task);
        bad += in_child([&] { return every_call_is_inert(f.session, task, "child"); }) != 0 ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(bad == 0);
  std::uint64_t polls = 0;
  for (std::uint32_t w = 0; w < kThreads; ++w) polls += f.totals(f.cls, w).polls;
  CHECK(polls == kThreads * kForks);
  CHECK(f.peer.service.service->classes_high == 3 + kThreads * kForks);
}

}  // namespace
}  // namespace pulsed::test
