// Commits that a test waits for.
#pragma once

#include <future>
#include <string>
#include <utility>
#include <variant>

#include <doctest/doctest.h>

#include "daemon/revisions/revision_store.h"

namespace pulsed::test {

using revisions::Author;
using revisions::Change;
using revisions::Refusal;
using revisions::Refused;
using revisions::RevisionPtr;
using revisions::RevisionStore;

inline const Author kSomebody{Author::Kind::kUid, 1000, ""};
inline const Author kFile{Author::Kind::kFile, 0, "/etc/pulsed/policy.yaml"};

inline RevisionStore::Outcome commit(RevisionStore& store, Change change) {
  std::promise<RevisionStore::Outcome> promise;
  store.commit(std::move(change),
               [&](RevisionStore::Outcome o) { promise.set_value(std::move(o)); });
  return promise.get_future().get();
}

inline RevisionPtr made(const RevisionStore::Outcome& outcome) {
  const auto* revision = std::get_if<RevisionPtr>(&outcome);
  if (const auto* refused = std::get_if<Refused>(&outcome)) FAIL("refused: " << refused->why);
  return *revision;
}

inline Refused refused(const RevisionStore::Outcome& outcome) {
  const auto* refusal = std::get_if<Refused>(&outcome);
  REQUIRE(refusal != nullptr);
  return *refusal;
}

}  // namespace pulsed::test
