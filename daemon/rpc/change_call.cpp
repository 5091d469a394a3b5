#include "daemon/rpc/change_call.h"

#include <memory>
#include <utility>

#include "daemon/rpc/policy_message.h"
#include "daemon/rpc/revision_message.h"

namespace pulsed::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;

// What the answer would be, if it were stored now.
Status preview(const ApiCore& core, const Caller& caller, const WantedChange& wanted,
               const PolicyChange& make, v1::PolicyState& response) {
  NewPolicy made = make(*core.site.revisions.current());
  if (const auto* refused = std::get_if<Status>(&made)) return *refused;
  revisions::Revision revision;
  revision.policy = std::get<policy::Policy>(std::move(made));
  revision.author = caller.author;
  revision.comment = wanted.comment;
  revision.rolled_back_to = wanted.rolled_back_to;
  fill(revision, response);
  response.mutable_revision()->clear_created_at();
  response.clear_etag();
  return Status::OK;
}

}  // namespace

Status denied(const Caller& caller) { return {StatusCode::PERMISSION_DENIED, caller.why_not}; }

grpc::ServerUnaryReactor* change_policy(ApiCore& core, const AccessRule& rule,
                                        grpc::CallbackServerContext* context, WantedChange wanted,
                                        v1::PolicyState* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Caller caller = rule.caller(*context);
  if (!caller.may_change) {
    core.audit->note(caller, wanted.what, wanted.comment, denied(caller));
    reactor->Finish(denied(caller));
    return reactor;
  }
  PolicyChange make = wanted.make();
  if (wanted.validate_only) {
    reactor->Finish(preview(core, caller, wanted, make, *response));
    return reactor;
  }
  ChangeLine::Request request;
  request.work_out =
      [caller, wanted, make = std::move(make)](
          const revisions::Revision& in_force) -> std::variant<revisions::Change, Status> {
    NewPolicy made = make(in_force);
    if (const auto* refused = std::get_if<Status>(&made)) return *refused;
    return revisions::Change{.policy = std::get<policy::Policy>(std::move(made)),
                             .author = caller.author,
                             .comment = wanted.comment,
                             .rolled_back_to = wanted.rolled_back_to};
  };
  request.done = [&core, caller, wanted, reactor, response](const Stored& stored) {
    if (const auto* refused = std::get_if<Status>(&stored)) {
      core.audit->note(caller, wanted.what, wanted.comment, *refused);
      return reactor->Finish(*refused);
    }
    const auto& revision = std::get<revisions::RevisionPtr>(stored);
    core.audit->note(caller, wanted.what, wanted.comment, Status::OK,
                     "revision " + std::to_string(revision->number));
    fill(*revision, *response);
    reactor->Finish(Status::OK);
  };
  request.stored_late = [audit = core.audit, caller,
                         wanted](const revisions::RevisionPtr& revision) {
    audit->note(caller, wanted.what, wanted.comment, Status::OK,
                "revision " + std::to_string(revision->number) + ", after all");
  };
  core.changes->add(std::move(request));
  return reactor;
}

}  // namespace pulsed::rpc
