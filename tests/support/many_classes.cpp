#include "tests/support/many_classes.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace pulsed::test {

ManyClasses::ManyClasses(const std::string& run_dir, unsigned services, unsigned classes_each,
                         const std::string& name) {
  for (unsigned s = 0; s < services; ++s) {
    const std::string service = name + "-" + std::to_string(s);
    sessions_.push_back(std::make_unique<Session>(SessionOptions{
        .service = service, .run_dir = run_dir, .classes = std::max(1024U, classes_each + 1)}));
    Session& session = *sessions_.back();
    if (!session.wait_attached(std::chrono::seconds{20})) throw std::runtime_error("not attached");
    const Worker worker(session, "many");
    for (unsigned c = 0; c < classes_each; ++c) {
      tasks_.push_back(session.open(session.task_class(service + "/" + std::to_string(c))));
      for (unsigned n = 0; n < kPolls; ++n) {
        const PollScope poll(tasks_.back());
        pulsed_queue_wait(tasks_.back().handle(), 1000);
      }
    }
  }
}

}  // namespace pulsed::test
