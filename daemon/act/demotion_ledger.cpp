#include "daemon/act/demotion_ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>

#include "daemon/act/demotion_file.h"
#include "daemon/clocks/monotonic.h"
#include "daemon/clocks/thread_stat.h"
#include "shared_memory/segment.h"

namespace pulsed::act {
namespace {

constexpr std::uint32_t kBits = 64;  // in a word of `taken_`

[[noreturn]] void fail(const std::string& what, const std::string& path) {
  throw std::runtime_error("cannot " + what + " " + path + ": " + std::strerror(errno) +
                           "; choose a directory that can be written with --run-dir");
}

std::array<char, 40> boot_id() {
  std::array<char, 40> id{};
  std::ifstream("/proc/sys/kernel/random/boot_id").read(id.data(), id.size() - 1);
  return id;
}

std::uint64_t pid_namespace() {
  struct stat st {};
  return ::stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
    number = static_cast<std::uint64_t>(::getpid());
  }
  return number;
}

// What is wrong with an open file, before it is mapped; nothing if it may be.
std::string unfit(int fd, std::size_t bytes) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return std::strerror(errno);
  if (!S_ISREG(st.st_mode)) return "it is no regular file";
  if (st.st_uid != ::geteuid()) return "it belongs to uid " + std::to_string(st.st_uid);
  if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) return "others may open it";
  if (st.st_nlink != 1) return "it has other names";
  if (st.st_size != static_cast<off_t>(bytes)) return "its size is wrong";
  return {};
}

void* map_shared(int fd, std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// All of its blocks are there, so that no write meets a full disk.
shm::Fd make_file(const std::string& path, std::size_t bytes) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("replace", path);
  shm::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) fail("make", path);
  errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes));
  if (errno != 0) {
    const int why = errno;
    ::unlink(path.c_str());
    errno = why;
    fail("make room for", path);
  }
  return fd;
}

std::uint32_t index_of(DemotionId id) {
  return static_cast<std::uint32_t>(id) % DemotionLedger::kCapacity;
}
std::uint32_t word_of(DemotionId id, EntryState state) {
  return entry_word(static_cast<std::uint32_t>(id) / DemotionLedger::kCapacity, state);
}

static_assert(std::uint64_t{DemotionLedger::kCapacity} << kEntryGenerationBits <= std::uint64_t{1}
                                                                                      << 32);

}  // namespace

std::uint32_t DemotionLedger::File::high() const {
  return std::min(header.high.load(std::memory_order_seq_cst), kCapacity);
}

DemotionLedger::DemotionLedger(const std::string& path) : run_(random_number()) {
  const auto trusted = [this] {
    const File::Header& h = file_->header;
    if (h.magic != File::kMagic || h.version != File::kVersion ||
        h.entry_bytes != sizeof(DemotionEntry) || h.high.load() > kCapacity) {
      return std::string("it is no ledger of this version");
    }
    if (h.boot_id != boot_id()) return std::string("it is of another boot");
    if (h.pid_namespace != pid_namespace()) return std::string("it is of another pid namespace");
    return std::string();
  };
  if (shm::Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)); fd.valid()) {
    replaced_ = unfit(fd.get(), sizeof(File));
    if (replaced_.empty()) {
      file_ = static_cast<File*>(map_shared(fd.get(), sizeof(File)));
      replaced_ = file_ == nullptr ? std::strerror(errno) : trusted();
    }
  } else if (errno != ENOENT) {
    replaced_ = errno == ELOOP ? "it is a symbolic link" : std::strerror(errno);
  }
  if (file_ == nullptr || !replaced_.empty()) {
    if (file_ != nullptr) ::munmap(file_, sizeof(File));
    const shm::Fd fd = make_file(path, sizeof(File));
    file_ = static_cast<File*>(map_shared(fd.get(), sizeof(File)));
    if (file_ == nullptr) fail("map", path);
    File::Header& h = file_->header;
    h.version = File::kVersion;
    h.entry_bytes = sizeof(DemotionEntry);
    h.boot_id = boot_id();
    h.pid_namespace = pid_namespace();
    h.magic = File::kMagic;
  }
  void* const vigil = map_shared(-1, sizeof(Vigil));
  if (vigil == nullptr) {
    ::munmap(file_, sizeof(File));
    fail("map memory beside", path);
  }
  vigil_ = new (vigil) Vigil{};
  for (std::uint32_t i = 0; i < file_->high(); ++i)
    taken_[i / kBits] |= std::uint64_t{1} << i % kBits;
}

DemotionLedger::~DemotionLedger() {
  ::munmap(vigil_, sizeof(Vigil));
  ::munmap(file_, sizeof(File));
}

// Looks at the next few of the entries that are taken, and lets `high` fall to the last of them: whoever goes through the
// entries finds few.
void DemotionLedger::reclaim(int looks) {
  const auto words = static_cast<std::uint32_t>(taken_.size());
  for (std::uint32_t i = 0; i <= words && looks > 0; ++i) {
    const std::uint32_t first = reclaimed_ % kBits;
    const std::uint32_t word = reclaimed_ / kBits;
    std::uint64_t bits = taken_[word] >> first << first;
    for (; bits != 0 && looks > 0; --looks, bits &= bits - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(bits));
      // acquire: pairs with the guardian's freeing, after which it reads the fields no more
      const std::uint32_t now =
          file_->entries[word * kBits + bit].word.load(std::memory_order_acquire);
      if (state_of(now) == EntryState::kFree) taken_[word] &= ~(std::uint64_t{1} << bit);
      reclaimed_ = word * kBits + bit;
    }
    reclaimed_ = bits == 0 ? (word + 1) % words * kBits : reclaimed_ + 1;
  }
  std::uint32_t high = kCapacity;
  while (high != 0 && taken_[high / kBits - 1] == 0) high -= kBits;
  if (high != 0) high -= static_cast<std::uint32_t>(std::countl_zero(taken_[high / kBits - 1]));
  if (high < file_->high()) file_->header.high.store(high, std::memory_order_seq_cst);
}

// The first, so that few entries are in use from the beginning of the file on.
std::optional<std::uint32_t> DemotionLedger::free_entry() {
  for (std::uint32_t word = 0; word < taken_.size(); ++word) {
    while (taken_[word] != ~std::uint64_t{0}) {
      const auto bit = static_cast<std::uint32_t>(std::countr_one(taken_[word]));
      taken_[word] |= std::uint64_t{1} << bit;
      const std::uint32_t index = word * kBits + bit;
      const std::uint32_t now = file_->entries[index].word.load(std::memory_order_acquire);
      if (state_of(now) == EntryState::kFree) return index;
    }
  }
  return std::nullopt;
}

std::optional<DemotionId> DemotionLedger::hold(const DemotedThread& demoted) {
  constexpr int kReclaimed = 16;
  if (!plausible(demoted.before, demoted.applied)) return std::nullopt;
  beat();
  reclaim(kReclaimed);
  const std::optional<std::uint32_t> index = free_entry();
  if (!index) return std::nullopt;
  DemotionEntry& entry = file_->entries[*index];
  const std::uint32_t generation = generation_of(entry.word.load(std::memory_order_relaxed)) + 1;
  const std::uint32_t word = entry_word(generation, EntryState::kHeld);
  entry.demoted = demoted;
  entry.owner.store(run_, std::memory_order_relaxed);
  // seq_cst, both: either the guardian's last look before it rests finds them, or Guardian::wake() finds it at rest
  if (*index >= file_->high()) file_->header.high.store(*index + 1, std::memory_order_seq_cst);
  entry.word.store(word, std::memory_order_seq_cst);
  return DemotionId{*index + kCapacity * generation_of(word)};
}

std::optional<DemotedThread> DemotionLedger::find(DemotionId id) const {
  const DemotionEntry& entry = file_->entries[index_of(id)];
  // Only the daemon, whose thread this is, ends the state HELD of its entries.
  const std::uint32_t word = entry.word.load(std::memory_order_relaxed);
  if (word != word_of(id, EntryState::kHeld)) return std::nullopt;
  return entry.demoted;
}

bool DemotionLedger::restore(DemotionId id) {
  const std::optional<DemotedThread> demoted = find(id);
  if (!demoted) return true;
  if (put_back(*demoted) == Swap::kFailed) return false;
  std::uint32_t word = word_of(id, EntryState::kHeld);
  file_->entries[index_of(id)].word.compare_exchange_strong(word,
                                                            word_of(id, EntryState::kOffspring));
  return true;
}

void DemotionLedger::leave(DemotionId id) {
  std::uint32_t word = word_of(id, EntryState::kHeld);
  file_->entries[index_of(id)].word.compare_exchange_strong(word, word_of(id, EntryState::kLeft));
}

void DemotionLedger::withdraw(DemotionId id) {
  std::uint32_t word = word_of(id, EntryState::kHeld);
  const std::uint32_t index = index_of(id);
  if (file_->entries[index].word.compare_exchange_strong(word, word_of(id, EntryState::kFree))) {
    taken_[index / kBits] &= ~(std::uint64_t{1} << index % kBits);
  }
}

// A thread that execs takes the number and the start of its process's first thread, and keeps its priority.
Swap DemotionLedger::put_back(const DemotedThread& demoted) const {
  const clocks::PeerThread& thread = demoted.thread;
  const Swap swap = swap_priority(thread, demoted.applied, demoted.before);
  if (swap != Swap::kNotOurs || thread.tid == thread.pid) return swap;
  const std::optional<SchedAttr> first = read_priority(thread.pid);
  if (!first || !same_priority(*first, demoted.applied)) return swap;
  const Identity identity = identify(thread);
  if (identity == Identity::kSame) return swap;
  if (identity == Identity::kUnknown) return Swap::kFailed;
  const std::optional<clocks::ThreadStat> stat = clocks::read_thread_stat(thread.pid, thread.pid);
  if (!stat) return errno == ENOENT || errno == ESRCH ? Swap::kNotOurs : Swap::kFailed;
  // A process that reuses the number began after the thread had ended.
  if (stat->start_time > thread.start_time) return Swap::kNotOurs;
  const std::optional<SchedAttr> own = own_after_exec(demoted);
  if (!own) return Swap::kNotOurs;
  return swap_priority({thread.pid, thread.pid, stat->start_time}, demoted.applied, *own);
}

// Which of the process's threads it was that became its first does not show: of what they had, the lowest is no gain to any.
// Nothing if the first thread is lowered itself.
std::optional<SchedAttr> DemotionLedger::own_after_exec(const DemotedThread& demoted) const {
  SchedAttr own = demoted.before;
  for (std::uint32_t i = 0; i < file_->high(); ++i) {
    const std::optional<EntryCopy> entry = read_entry(file_->entries[i]);
    if (!entry || state_of(entry->word) == EntryState::kOffspring) continue;
    const DemotedThread& other = entry->demoted;
    if (other.thread.tid == demoted.thread.pid) return std::nullopt;
    if (other.thread.pid == demoted.thread.pid && same_priority(other.applied, demoted.applied) &&
        other.before.nice > own.nice) {
      own = other.before;
    }
  }
  return own;
}

void DemotionLedger::beat(std::uint64_t monotonic_ns) {
  constexpr int kReclaimed = 4;
  reclaim(kReclaimed);
  // relaxed: stands for itself
  vigil_->beat_ns.store(monotonic_ns, std::memory_order_relaxed);
}

void DemotionLedger::beat() { beat(clocks::monotonic_ns()); }

DemotionLedger::Restored DemotionLedger::restore_all() {
  Restored restored{};
  for (std::uint32_t i = 0; i < file_->high(); ++i) {
    DemotionEntry& entry = file_->entries[i];
    const std::optional<EntryCopy> copy = read_entry(entry);
    if (!copy) continue;
    std::uint32_t word = copy->word;
    const std::uint32_t generation = generation_of(word);
    if (!plausible(copy->demoted.before, copy->demoted.applied)) {
      entry.word.compare_exchange_strong(word, entry_word(generation, EntryState::kFree));
      continue;
    }
    // Were it left in OFFSPRING by a daemon that is gone, nothing is at that priority any more; looking costs little.
    const Swap swap = put_back(copy->demoted);
    if (swap == Swap::kDone) ++restored.restored;
    if (swap == Swap::kFailed) {
      ++restored.failed;
      if (copy->owner == run_) continue;
    }
    const EntryState next = swap == Swap::kFailed ? EntryState::kLeft : EntryState::kOffspring;
    entry.owner.store(run_, std::memory_order_relaxed);
    entry.word.compare_exchange_strong(word, entry_word(generation, next));
  }
  return restored;
}

std::uint32_t DemotionLedger::held() const {
  std::uint32_t held = 0;
  for (std::uint32_t i = 0; i < file_->high(); ++i) {
    const std::uint32_t word = file_->entries[i].word.load(std::memory_order_acquire);
    if (state_of(word) != EntryState::kFree) ++held;
  }
  return held;
}

std::uint64_t DemotionLedger::undone_by_guardian() const {
  return vigil_->undone.load(std::memory_order_relaxed);
}

}  // namespace pulsed::act
