// What the isolation pool runs, whatever the type of the function in it.
#pragma once

#include <pulsed/shim.h>
#include <pulsed/asio/weighted_queue.hpp>

#include <cstdint>

namespace pulsed::asio::detail {

// A function on its way to the isolation pool, with the work it counts for.
class IsolatedItem {
 public:
  // Whose poll it is, with the class that the task had when it came.
  struct Origin {
    pulsed_session* session;
    pulsed_task handle;
    const void* task;  // tells tasks apart that live
  };

  explicit IsolatedItem(const Origin& origin) : origin_(origin) {}
  IsolatedItem(const IsolatedItem&) = delete;
  IsolatedItem& operator=(const IsolatedItem&) = delete;
  virtual ~IsolatedItem() = default;
  [[nodiscard]] const Origin& origin() const noexcept { return origin_; }
  [[nodiscard]] IsolatedClass task_class() const noexcept {
    return {origin_.session,
            static_cast<std::uint16_t>(origin_.handle.ref >> PULSED_REF_CLASS_SHIFT &
                                       PULSED_REF_CLASS_MASK)};
  }
  [[nodiscard]] std::uint32_t weight() const noexcept {
    return pulsed_task_weight(origin_.session, origin_.handle);
  }
  virtual void run() = 0;        // polls; or hands back, where the context is stopped
  virtual void hand_back() = 0;  // gives the function to the inner executor instead
  // Leaves the end of the work to a run() of the context: work that ran out here would stop the
  // context, also one that is only about to be run, with more to do by then.
  virtual void end_in_context() = 0;

 private:
  const Origin origin_;
};

}  // namespace pulsed::asio::detail
