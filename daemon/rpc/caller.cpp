#include "daemon/rpc/caller.h"

#include <algorithm>

namespace pulsed::rpc {
namespace {

using revisions::Author;

Author certificate_of(const grpc::ServerContextBase& context) {
  Author author{.kind = Author::Kind::kCertificate};
  const auto names = context.auth_context()->FindPropertyValues("x509_common_name");
  // Of several names none is taken: it could be one that an admin has.
  if (names.size() == 1) author.name.assign(names.front().data(), names.front().size());
  return author;
}

}  // namespace

Caller AccessRule::caller(const grpc::ServerContextBase& context) const {
  Caller caller;
  if (access == Access::kByCertificate) {
    caller.author = certificate_of(context);
    caller.who = text(caller.author);
    const bool named = !caller.author.name.empty() &&
                       std::find(admins.begin(), admins.end(), caller.author.name) != admins.end();
    caller.may_change = named;
    if (!named) {
      caller.why_not =
          "the common name of this certificate is not among `api.admins` of the daemon's "
          "configuration";
    }
    return caller;
  }
  if (const auto uid = peers.uid_of(context.peer())) {
    caller.author = {.kind = Author::Kind::kUid, .uid = *uid};
    caller.who = text(caller.author);
    caller.may_change = access == Access::kChange;
  } else {
    caller.who = "somebody over TCP";
  }
  if (!caller.may_change) caller.why_not = "changes are made through " + admin_socket;
  return caller;
}

}  // namespace pulsed::rpc
