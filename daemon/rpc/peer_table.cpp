#include "daemon/rpc/peer_table.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>

namespace pulsed::rpc {

PeerTable::PeerTable() {
  // High numbers cost the kernel a larger table, so no higher than it takes.
  constexpr rlim_t kHighest = 32'768;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  end_ = static_cast<int>(std::min(limit.rlim_cur, kHighest));
  first_ = std::max(end_ / 2, end_ - kNumbers);
  next_ = first_;
  for (auto& uid : uids_)
    uid.store(kNobody, std::memory_order_relaxed);  // nobody else knows it yet
}

shm::Fd PeerTable::number(int fd, std::optional<uid_t> uid) {
  shm::Fd numbered(::fcntl(fd, F_DUPFD_CLOEXEC, next_));
  if (!numbered.valid() || numbered.get() >= end_) {
    numbered = shm::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, first_));
  }
  if (!numbered.valid() || numbered.get() >= end_) return {};
  next_ = numbered.get() + 1 < end_ ? numbered.get() + 1 : first_;
  // gRPC is handed the number after this, through a lock of its own, which orders the two.
  uids_[static_cast<std::size_t>(numbered.get() - first_)].store(uid.value_or(kNobody),
                                                                 std::memory_order_relaxed);
  return numbered;
}

std::optional<uid_t> PeerTable::uid_of(std::string_view peer) const {
  constexpr std::string_view kPrefix = "fd:";
  if (!peer.starts_with(kPrefix)) return {};
  int fd = -1;
  const char* end = peer.data() + peer.size();
  const auto [last, error] = std::from_chars(peer.data() + kPrefix.size(), end, fd);
  if (error != std::errc{} || last != end || fd < first_ || fd >= end_) return {};
  const std::uint32_t uid =
      uids_[static_cast<std::size_t>(fd - first_)].load(std::memory_order_relaxed);  // see number
  if (uid == kNobody) return {};
  return uid;
}

}  // namespace pulsed::rpc
