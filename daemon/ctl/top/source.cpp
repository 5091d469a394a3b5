#include "daemon/ctl/top/source.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "daemon/ctl/failure.h"
#include "daemon/ctl/top/reading_message.h"

namespace pulsed::ctl::top {
namespace {

using Monitor = v1::MonitorService::StubInterface;

// With a long interval a daemon that comes back is found soon all the same.
constexpr std::chrono::milliseconds kMostRetry{1000};

Endpoint hurried(Endpoint endpoint) {
  endpoint.timeout = std::min<std::chrono::nanoseconds>(endpoint.timeout, kCallTimeout);
  return endpoint;
}

int make_eventfd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

Asker::Asker(Endpoint endpoint) : connection_(hurried(std::move(endpoint))) {}

template <typename Request, typename Response>
void Asker::call(grpc::Status (Monitor::*method)(grpc::ClientContext*, const Request&, Response*),
                 Response& response) {
  grpc::ClientContext context;
  connection_.set_deadline(context);
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) throw Failed(kExitInterrupted, "cancelled");
    context_ = &context;
  }
  const grpc::Status status =
      (connection_.stub<Monitor>(Right::kRead).*method)(&context, Request{}, &response);
  {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    if (cancelled_) throw Failed(kExitInterrupted, "cancelled");
  }
  if (!status.ok()) throw connection_.failure(status, Right::kRead);
}

Reading Asker::ask() {
  Answers answers;
  call<v1::GetStatusRequest>(&Monitor::GetStatus, answers.status);
  call<v1::ListServicesRequest>(&Monitor::ListServices, answers.services);
  call<v1::ListWorkersRequest>(&Monitor::ListWorkers, answers.workers);
  call<v1::ListClassesRequest>(&Monitor::ListClasses, answers.classes);
  // Rates are of classes, so the time is that of their totals.
  return reading_of(answers, std::chrono::steady_clock::now());
}

void Asker::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

Source::Source(Endpoint endpoint, std::chrono::milliseconds interval)
    : asker_(std::move(endpoint)), fd_(make_eventfd()), interval_(interval) {
  thread_ = std::thread([this] { run(); });
}

Source::~Source() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  asker_.cancel();
  thread_.join();
  ::close(fd_);
}

std::optional<News> Source::take() {
  const std::lock_guard lock(mutex_);
  eventfd_t ignored = 0;
  (void)::eventfd_read(fd_, &ignored);
  return std::exchange(news_, std::nullopt);
}

void Source::set_interval(std::chrono::milliseconds interval) {
  {
    const std::lock_guard lock(mutex_);
    interval_ = interval;
  }
  changed_.notify_all();
}

void Source::run() {
  for (;;) {
    const SteadyTime asked_at = std::chrono::steady_clock::now();
    News news;
    try {
      news = asker_.ask();
    } catch (const std::exception& e) {
      news = Lost{e.what()};
    }
    const bool lost = std::holds_alternative<Lost>(news);
    publish(std::move(news));
    if (!rest(asked_at, lost)) return;
  }
}

void Source::publish(News news) {
  const std::lock_guard lock(mutex_);
  news_ = std::move(news);
  (void)::eventfd_write(fd_, 1);
}

bool Source::rest(SteadyTime asked_at, bool lost) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (ends_) return false;
    const auto until = asked_at + (lost ? std::min(interval_, kMostRetry) : interval_);
    if (std::chrono::steady_clock::now() >= until) return true;
    changed_.wait_until(lock, until);
  }
}

}  // namespace pulsed::ctl::top
