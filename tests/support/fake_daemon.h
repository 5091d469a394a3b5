// The daemon's end of an attachment, driven by hand: real segments over a real socket, so that a test says what the shim is
// told and reads what it wrote.
//
//   FakeDaemon daemon;
//   pulsed::Session session{{.run_dir = daemon.run_dir()}};
//   FakeDaemon::Peer peer = daemon.accept();
//   peer.daemon.tasks[slot] = FakeDaemon::word(generation, PULSED_DIRECTIVE_ISOLATE);
#pragma once

#include <pulsed/shim.h>

#include <array>
#include <climits>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared_memory/sample_ring.h"
#include "shared_memory/segment.h"
#include "shared_memory/tick_clock.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {

class FakeDaemon {
 public:
  struct Peer {
    shm::Fd socket;
    pulsed_hello hello{};
    shm::DaemonEnd end;
    shm::Dimensions dimensions;
    shm::ServiceRegions service{};  // read-only memory: writing faults
    shm::DaemonRegions daemon{};

    // A reader at the ring's present write index.
    [[nodiscard]] shm::RingReader ring(std::uint32_t worker) const {
      return {service.rings + std::size_t{worker} * dimensions.ring_samples,
              dimensions.ring_samples, &service.lines[worker].write, &daemon.reads[worker]};
    }
    void heartbeat() {
      __atomic_store_n(&daemon.daemon->heartbeat, pulsed_now(), __ATOMIC_RELAXED);
    }
    void let_lease_run_out() { __atomic_store_n(&daemon.daemon->lease_ticks, 0, __ATOMIC_RELAXED); }
    void ask_to_yield(std::uint32_t worker, std::uint64_t start) {
      __atomic_store_n(&daemon.workers[worker].yield_start, start, __ATOMIC_RELAXED);
    }
    // The daemon's side of a demotion, but for the thread's priority.
    struct OwnPriority {
      std::uint32_t policy;
      std::int32_t nice;
    };
    static OwnPriority priority_of_main_thread() {
      return {static_cast<std::uint32_t>(::sched_getscheduler(::getpid())),
              ::getpriority(PRIO_PROCESS, static_cast<id_t>(::getpid()))};
    }
    void mark_demoted(std::uint32_t worker, std::uint64_t start,
                      OwnPriority own = priority_of_main_thread()) {
      pulsed_worker_word& word = daemon.workers[worker];
      __atomic_store_n(&word.own_policy, own.policy, __ATOMIC_RELAXED);
      __atomic_store_n(&word.own_nice, own.nice, __ATOMIC_RELAXED);
      __atomic_store_n(&word.demoted_start, start, __ATOMIC_RELEASE);
      std::uint32_t fence = 0;  // as a locked instruction, which TSan models
      __atomic_fetch_add(&fence, 1, __ATOMIC_SEQ_CST);
    }
    void end_demotion(std::uint32_t worker) {
      pulsed_worker_word& word = daemon.workers[worker];
      __atomic_store_n(&word.demoted_start, 0, __ATOMIC_RELAXED);
      __atomic_fetch_add(&word.restored, 1, __ATOMIC_RELEASE);
      wake(word.restored);
    }
    void tell_spare(std::uint32_t worker, std::uint32_t what) {
      std::uint32_t& word = daemon.workers[worker].spare;
      __atomic_store_n(&word, what, __ATOMIC_RELAXED);
      wake(word);
    }
    void set_abilities(std::uint64_t abilities) {
      __atomic_store_n(&daemon.daemon->abilities, abilities, __ATOMIC_RELAXED);
    }
    static void wake(std::uint32_t& word) {
      ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
    }
    void ask_task(pulsed_task task, std::uint32_t directive) {
      const auto slot = task.ref & PULSED_REF_SLOT_MASK;
      const auto generation =
          static_cast<std::uint32_t>(task.ref >> PULSED_REF_GENERATION_SHIFT & 0xffff);
      __atomic_store_n(&daemon.tasks[slot], word(generation, directive), __ATOMIC_RELAXED);
    }
    void ask_class(std::uint16_t cls, std::uint32_t directive) {
      __atomic_store_n(&daemon.classes[cls], word(0, directive), __ATOMIC_RELAXED);
    }
  };

  FakeDaemon() { listen(); }

  [[nodiscard]] const std::string& run_dir() const { return dir_.path(); }
  [[nodiscard]] static std::uint32_t word(std::uint32_t generation, std::uint32_t directive) {
    return generation << PULSED_WORD_GENERATION_SHIFT | directive;
  }

  // Accepts one service, whose directives hold for an hour and whose spare workers may be woken. `spoil` may change headers or the answer's status before.
  Peer accept(const std::function<void(Peer&, pulsed_welcome&)>& spoil = {}) {
    Peer peer;
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) != 1) throw std::runtime_error("no service came");
    peer.socket = shm::Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (::recv(peer.socket.get(), &peer.hello, sizeof(peer.hello), 0) != sizeof(peer.hello)) {
      throw std::runtime_error("no hello came");
    }
    peer.dimensions = {peer.hello.workers, peer.hello.ring_samples, peer.hello.tasks,
                       peer.hello.classes};
    std::string error;
    const shm::ClockInfo clock{shm::clock_kind(), clock_.ticks_per_second()};
    auto end = shm::create_segments(peer.dimensions, clock, ++attachments_, error);
    if (!end) throw std::runtime_error(error);
    peer.end = std::move(*end);
    peer.service = shm::service_regions(peer.end.service.data(), peer.end.service_header);
    peer.daemon = shm::daemon_regions(peer.end.daemon.data(), peer.end.daemon_header);
    peer.daemon.daemon->lease_ticks = clock.ticks_per_second * 3600;
    peer.daemon.daemon->abilities = PULSED_DAEMON_WAKES_SPARES;
    peer.heartbeat();
    pulsed_welcome welcome{PULSED_ATTACH_MAGIC,
                           PULSED_MESSAGE_WELCOME,
                           PULSED_ATTACH_OK,
                           PULSED_ABI_MAJOR,
                           PULSED_ABI_MINOR,
                           {},
                           {}};
    if (spoil) spoil(peer, welcome);
    send_welcome(peer, welcome);
    return peer;
  }

  // As after a crash: the socket is gone. A new FakeDaemon on the same directory is a restart.
  void stop_listening() {
    listener_.reset();
    ::unlink(path().c_str());
  }
  void listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    listener_ = shm::Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_.get(), 64) != 0) {
      throw std::runtime_error("cannot listen on " + path());
    }
  }

 private:
  [[nodiscard]] std::string path() const { return dir_.path() + "/attach.sock"; }

  static void send_welcome(const Peer& peer, pulsed_welcome& welcome) {
    iovec part{&welcome, sizeof(welcome)};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (welcome.status == PULSED_ATTACH_OK) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* c = CMSG_FIRSTHDR(&message);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(2 * sizeof(int));
      const std::array<int, 2> fds{peer.end.service_fd.get(), peer.end.daemon_fd.get()};
      std::memcpy(CMSG_DATA(c), fds.data(), sizeof(fds));
    }
    if (::sendmsg(peer.socket.get(), &message, MSG_NOSIGNAL) < 0)
      throw std::runtime_error("the service left");
  }

  TempDir dir_;
  shm::Fd listener_;
  shm::TickClock clock_{shm::clock_kind(), std::chrono::milliseconds{10}};
  std::uint64_t attachments_ = 0;
};

}  // namespace pulsed::test
