// A worker without a session, its hot page set up by hand over plain memory: the test plays the daemon, and the kernel
// that deschedules it, and both ends of what they share may be threads on one mapping. (ThreadSanitizer does not see
// races across two.)
#pragma once

#include <pulsed/shim.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "shared_memory/sample_ring.h"
#include "shim/worker.h"

namespace pulsed::test {

class PlainSegments {
 public:
  explicit PlainSegments(const shm::Dimensions& dimensions) {
    const shm::ClockInfo clock{PULSED_CLOCK_MONOTONIC, 1'000'000'000};
    const pulsed_segment_header s = shm::make_header(shm::Side::kService, dimensions, clock, 1);
    const pulsed_segment_header d = shm::make_header(shm::Side::kDaemon, dimensions, clock, 1);
    attachment->end.service_header = s;
    attachment->dimensions = dimensions;
    attachment->service = shm::service_regions(allocate(s.segment_bytes), s);
    attachment->daemon = shm::daemon_regions(allocate(d.segment_bytes), d);
  }

  std::shared_ptr<shim::Attachment> attachment = std::make_shared<shim::Attachment>();

 private:
  struct Freed {
    void operator()(void* p) const { std::free(p); }
  };
  std::byte* allocate(std::uint64_t bytes) {
    void* memory = std::aligned_alloc(PULSED_PAGE, bytes);
    std::memset(memory, 0, bytes);
    memory_.emplace_back(memory);
    return static_cast<std::byte*>(memory);
  }
  std::vector<std::unique_ptr<void, Freed>> memory_;
};

// A task that no table has dealt, in its third generation.
inline pulsed_task task_with(std::uint64_t slot, std::uint64_t cls) {
  const std::uint64_t generation = slot == 0 ? 0 : 3;
  return {slot | generation << PULSED_REF_GENERATION_SHIFT | cls << PULSED_REF_CLASS_SHIFT};
}

// The calling thread as the only worker; its ring begins at `index`. While it lives.
struct PlainWorker {
  static constexpr shm::Dimensions kSmall{1, 64, 64, 2};

  explicit PlainWorker(std::uint64_t index = 0, const shm::Dimensions& dimensions = kSmall)
      : segments(dimensions) {
    line().write = index;
    reads() = index;
    worker.page = &page;
    worker.tls_hot = &pulsed_tls_hot;
    worker.tls_asked = &pulsed_tls_asked;
    page.worker = &worker;
    page.hot.rseq_cs = &page.unused_rseq;
    page.hot.mark = 1;
    shim::point_at(worker, segments.attachment);
  }
  ~PlainWorker() { shim::point_at(worker, nullptr); }
  PlainWorker(const PlainWorker&) = delete;
  PlainWorker& operator=(const PlainWorker&) = delete;

  // From now on the test says when the kernel deschedules the worker: by a 0 in `rseq`.
  void play_kernel() {
    page.hot.rseq_cs = &rseq;
    segments.attachment->mark_tells = true;
    shim::point_at(worker, segments.attachment);
  }

  [[nodiscard]] pulsed_worker_line& line() const { return segments.attachment->service.lines[0]; }
  [[nodiscard]] std::uint64_t& reads() const { return segments.attachment->daemon.reads[0]; }
  [[nodiscard]] shm::RingReader reader() const {
    const shim::Attachment& a = *segments.attachment;
    return {a.service.rings, a.dimensions.ring_samples, &line().write, &reads()};
  }

  PlainSegments segments;
  shim::HotPage page{};
  shim::WorkerState worker{};
  volatile std::uint64_t rseq = 0;
};

}  // namespace pulsed::test
