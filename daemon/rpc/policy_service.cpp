#include "daemon/rpc/policy_service.h"

#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/rpc/answer.h"
#include "daemon/rpc/change_call.h"
#include "daemon/rpc/policy_watch.h"
#include "daemon/rpc/refused_watch.h"
#include "daemon/rpc/revision_message.h"
#include "daemon/rpc/unknown_fields.h"

namespace pulsed::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;
using revisions::RevisionPtr;

constexpr std::uint32_t kMostRevisions = 100;
constexpr std::uint32_t kUsualRevisions = 20;
// Diffs can be long, and clients take messages of 4 MiB.
constexpr std::size_t kPageBytes = std::size_t{1} << 20;

grpc::ServerUnaryReactor* finished(grpc::CallbackServerContext* context, const Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

Status no_such_revision(std::uint64_t number) {
  return {StatusCode::NOT_FOUND, "revision: " + std::to_string(number) + " is not kept"};
}

// The number below which the page begins.
std::optional<std::uint64_t> read_token(const std::string& token) {
  std::uint64_t before = 0;
  if (token.empty()) return before;
  const char* end = token.data() + token.size();
  const auto [last, error] = std::from_chars(token.data(), end, before);
  if (error != std::errc{} || last != end || before == 0) return {};
  return before;
}

// Rules of today hold for a policy of yesterday, too.
NewPolicy still_good(const policy::Policy& policy) {
  if (const auto fault = policy::contradiction(policy)) {
    return Status(StatusCode::FAILED_PRECONDITION,
                  "the policy of that revision holds no more: " + *fault);
  }
  return policy;
}

PolicyChange rollback(const v1::RollbackPolicyRequest& request,
                      const revisions::RevisionStore& store) {
  const std::uint64_t number = request.revision();
  std::vector<FieldFault> faults;
  find_unknown_fields(request, FieldPath("", faults));
  check_comment(request.comment(), FieldPath("comment", faults));
  if (number == 0) faults.push_back({"revision", "needs the number of a revision"});
  return [faults, old = store.find(number), number](const revisions::Revision&) -> NewPolicy {
    if (!faults.empty()) return invalid(faults);
    if (old == nullptr) return no_such_revision(number);
    return still_good(old->policy);
  };
}

// `found` has one more than the page, which the last of it is compared with, if there is one.
void fill_page(const std::vector<RevisionPtr>& found, std::size_t size, DiffShelf& diffs,
               v1::ListRevisionsResponse& page) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < found.size() && i < size && bytes < kPageBytes; ++i) {
    v1::Revision& message = *page.add_revisions();
    fill(*found[i], message);
    if (i + 1 < found.size()) message.set_diff(diffs.diff(*found[i + 1], *found[i]));
    bytes += message.ByteSizeLong();
  }
  const auto shown = static_cast<std::size_t>(page.revisions_size());
  if (shown < found.size()) page.set_next_page_token(std::to_string(found[shown - 1]->number));
}

}  // namespace

grpc::ServerUnaryReactor* PolicyService::Get(Context* context, const v1::GetPolicyRequest* request,
                                             v1::PolicyState* response) {
  const revisions::RevisionStore& store = core_.site.revisions;
  const RevisionPtr revision =
      request->revision() == 0 ? store.current() : store.find(request->revision());
  if (revision == nullptr) return finished(context, no_such_revision(request->revision()));
  auto* answer = new Answer<v1::PolicyState>(core_.answer_bytes, rule_.caller(*context), *response);
  answer->give([&](v1::PolicyState& state) { fill(*revision, state); });
  return answer;
}

grpc::ServerUnaryReactor* PolicyService::Update(Context* context,
                                                const v1::UpdatePolicyRequest* request,
                                                v1::PolicyState* response) {
  return change_policy(core_, rule_, context,
                       {.what = "Update",
                        .comment = request->comment(),
                        .make = [request] { return only_if(request->etag(), change_of(*request)); },
                        .validate_only = request->validate_only()},
                       response);
}

grpc::ServerUnaryReactor* PolicyService::Rollback(Context* context,
                                                  const v1::RollbackPolicyRequest* request,
                                                  v1::PolicyState* response) {
  return change_policy(core_, rule_, context,
                       {.what = "Rollback to " + std::to_string(request->revision()),
                        .comment = request->comment(),
                        .make =
                            [this, request] {
                              return only_if(request->etag(),
                                             rollback(*request, core_.site.revisions));
                            },
                        .rolled_back_to = request->revision(),
                        .validate_only = request->validate_only()},
                       response);
}

grpc::ServerUnaryReactor* PolicyService::ListRevisions(Context* context,
                                                       const v1::ListRevisionsRequest* request,
                                                       v1::ListRevisionsResponse* response) {
  std::vector<FieldFault> faults;
  if (request->page_size() > kMostRevisions) {
    faults.push_back({"page_size", "is above " + std::to_string(kMostRevisions)});
  }
  const auto before = read_token(request->page_token());
  if (!before) faults.push_back({"page_token", "is not one of ours"});
  if (!faults.empty()) return finished(context, invalid(faults));
  const std::size_t size = request->page_size() == 0 ? kUsualRevisions : request->page_size();
  const std::vector<RevisionPtr> found = core_.site.revisions.list(*before, size + 1);
  auto* answer =
      new Answer<v1::ListRevisionsResponse>(core_.answer_bytes, rule_.caller(*context), *response);
  answer->give([&](v1::ListRevisionsResponse& page) { fill_page(found, size, core_.diffs, page); });
  return answer;
}

grpc::ServerWriteReactor<v1::PolicyState>* PolicyService::Watch(
    Context* context, const v1::WatchPolicyRequest* /*request*/) {
  Allowance::Taken place = core_.watches.take(rule_.caller(*context), 1);
  if (place == nullptr) {
    return new RefusedWatch<v1::PolicyState>(
        {StatusCode::RESOURCE_EXHAUSTED, "there are too many watches"});
  }
  const auto watch = std::make_shared<PolicyWatch>(
      PolicyWatch::Setting{context, core_.policies, std::move(place)}, core_.site.revisions);
  auto* reactor = watch->begin();
  watch->open();
  return reactor;
}

}  // namespace pulsed::rpc
