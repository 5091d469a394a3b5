#include "daemon/policy/record_pool.h"

#include <doctest/doctest.h>

#include <set>

namespace pulsed::policy {

TEST_CASE("records never move, and a released one is used again") {
  RecordPool<int> pool;
  const std::uint32_t first = pool.acquire();
  int* where = &pool.at(first);
  std::set<std::uint32_t> held{first};
  for (int i = 0; i < 1000; ++i) held.insert(pool.acquire());
  CHECK(held.size() == 1001);
  CHECK(pool.in_use() == 1001);
  CHECK(&pool.at(first) == where);
  pool.release(first);
  CHECK(pool.acquire() == first);
}

TEST_CASE("an emptied pool gives its memory back, all but one chunk") {
  RecordPool<int> pool;
  std::vector<std::uint32_t> held;
  const std::uint32_t one = pool.acquire();
  pool.release(one);
  const std::size_t small = pool.bytes();
  for (int i = 0; i < 1000; ++i) held.push_back(pool.acquire());
  CHECK(pool.bytes() > 4 * small);
  for (const std::uint32_t i : held) pool.release(i);
  CHECK(pool.in_use() == 0);
  CHECK(pool.size() == 64);
  CHECK(pool.bytes() <= small + 1024);
}

}  // namespace pulsed::policy
