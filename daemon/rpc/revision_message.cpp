#include "daemon/rpc/revision_message.h"

#include "daemon/rpc/duration_message.h"
#include "daemon/rpc/etag.h"
#include "daemon/rpc/policy_message.h"

namespace pulsed::rpc {
namespace {

using revisions::Author;

void fill(const Author& author, v1::Author& message) {
  switch (author.kind) {
    case Author::Kind::kBuiltIn:
      return message.set_built_in(true);
    case Author::Kind::kFile:
      return message.set_file(author.name);
    case Author::Kind::kUid:
      return message.set_uid(author.uid);
    case Author::Kind::kCertificate:
      return message.set_certificate(author.name);
  }
}

}  // namespace

void fill(const revisions::Revision& revision, v1::Revision& message) {
  message.set_revision(revision.number);
  *message.mutable_created_at() = timestamp_message(revision.created);
  fill(revision.author, *message.mutable_author());
  message.set_comment(revision.comment);
  message.set_rolled_back_to(revision.rolled_back_to);
}

void fill(const revisions::Revision& revision, v1::PolicyState& message) {
  *message.mutable_policy() = to_message(revision.policy);
  fill(revision, *message.mutable_revision());
  message.set_etag(etag(revision));
}

}  // namespace pulsed::rpc
