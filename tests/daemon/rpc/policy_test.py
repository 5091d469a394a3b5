"""PolicyService: the policy, its history, and changes of it."""
import unittest

import grpc
from google.protobuf import duration_pb2, field_mask_pb2
from pulsed.v1 import monitor_pb2
from pulsed.v1 import policy_pb2 as pb

from api_daemon import PATIENCE, ApiTest, eventually

Code = grpc.StatusCode


def ms(milliseconds):
    return duration_pb2.Duration(nanos=int(milliseconds * 1_000_000))


def shop_in_shadow():
    return pb.Policy(
        enforcement=pb.ENFORCEMENT_ENFORCE, profile=pb.PROFILE_AGGRESSIVE,
        defaults=pb.TierFields(poll_budget=ms(1), class_share=0.25, max_tier=pb.TIER_YIELD,
                               promotion_threshold=pb.PromotionCounts(monitor=9, warn=8, **{"yield": 7})),
        rules=[pb.Rule(match=pb.Match(service="shop*", uid=7, **{"class": "checkout/*"}),
                       priority=pb.PRIORITY_HIGH, weight=10, may_migrate=False, enforcement=pb.ENFORCEMENT_SHADOW,
                       set=pb.TierFields(demote_to=pb.OsPriority(idle=True),
                                         max_spare_workers=pb.SpareCount(as_many_as_workers=True)))])


class ChangingThePolicy(ApiTest):
    def setUp(self):
        self.pulsed = self.daemon()
        self.api = self.pulsed.api().policy

    def get(self, revision=0):
        return self.api.Get(pb.GetPolicyRequest(revision=revision), timeout=PATIENCE)

    def update(self, policy, **fields):
        return self.api.Update(pb.UpdatePolicyRequest(policy=policy, **fields), timeout=PATIENCE)

    def refuses(self, policy, *parts, **fields):
        message = self.refused(Code.INVALID_ARGUMENT, self.api.Update, pb.UpdatePolicyRequest(policy=policy, **fields))
        for part in parts:
            self.assertIn(part, message)

    def test_a_new_daemon_has_the_built_in_policy(self):
        state = self.get()
        self.assertEqual(state.policy, pb.Policy(enforcement=pb.ENFORCEMENT_SHADOW, profile=pb.PROFILE_BALANCED,
                                                 enforcement_limit=pb.ENFORCEMENT_ENFORCE))
        self.assertEqual(state.revision.revision, 1)
        self.assertTrue(state.revision.author.built_in)

    def test_an_update_is_in_force_and_says_who_made_it(self):
        state = self.update(shop_in_shadow(), comment="for the sale")
        wanted = shop_in_shadow()
        wanted.enforcement_limit = pb.ENFORCEMENT_ENFORCE
        self.assertEqual(state.policy, wanted)
        self.assertEqual(state.revision.revision, 2)
        self.assertEqual(state.revision.comment, "for the sale")
        self.assertEqual(state.revision.author.WhichOneof("who"), "uid")
        self.assertGreater(state.revision.created_at.seconds, 1_600_000_000)
        self.assertEqual(self.get(), state)

    def test_an_old_revision_can_be_read(self):
        before = self.get()
        self.update(shop_in_shadow())
        self.assertEqual(self.get(1).policy, before.policy)
        self.assertIn("7", self.refused(Code.NOT_FOUND, self.api.Get, pb.GetPolicyRequest(revision=7)))

    def test_an_etag_of_another_revision_is_aborted_and_changes_nothing(self):
        first = self.get()
        second = self.update(shop_in_shadow(), etag=first.etag)
        for stale in (first.etag, "nonsense", second.etag + "0"):
            request = pb.UpdatePolicyRequest(policy=pb.Policy(), etag=stale)
            self.assertIn("etag", self.refused(Code.ABORTED, self.api.Update, request))
            self.refused(Code.ABORTED, self.api.Rollback, pb.RollbackPolicyRequest(revision=1, etag=stale))
        self.assertEqual(self.get(), second)

    def test_a_mask_takes_what_it_names_and_nothing_else(self):
        before = self.update(shop_in_shadow()).policy
        part = pb.Policy(enforcement=pb.ENFORCEMENT_OBSERVE, profile=pb.PROFILE_PERMISSIVE,
                         defaults=pb.TierFields(poll_budget=ms(0.5), class_share=0.5))
        mask = field_mask_pb2.FieldMask(paths=["enforcement", "defaults.poll_budget"])
        after = self.update(part, update_mask=mask).policy
        self.assertEqual(after.enforcement, pb.ENFORCEMENT_OBSERVE)
        self.assertEqual(after.profile, before.profile)
        self.assertEqual(after.defaults.poll_budget, ms(0.5))
        self.assertEqual(after.defaults.class_share, 0.25)
        self.assertEqual(after.rules, before.rules)

    def test_a_mask_replaces_messages_and_lists_as_a_whole(self):
        self.update(shop_in_shadow())
        part = pb.Policy(defaults=pb.TierFields(cooldown_changes=9),
                         rules=[pb.Rule(match=pb.Match(service="other"), weight=3)])
        after = self.update(part, update_mask=field_mask_pb2.FieldMask(paths=["rules", "defaults"])).policy
        self.assertEqual(after.defaults, part.defaults)
        self.assertEqual(list(after.rules), list(part.rules))
        cleared = self.update(pb.Policy(), update_mask=field_mask_pb2.FieldMask(paths=["rules", "defaults"])).policy
        self.assertEqual(len(cleared.rules), 0)
        self.assertFalse(cleared.HasField("defaults"))

    def test_a_mask_that_names_no_part_of_a_policy_is_refused(self):
        for path in ("rule", "rules.weight", "defaults.budget", "", "enforcement.x"):
            self.refuses(pb.Policy(), "update_mask.paths[1]",
                         update_mask=field_mask_pb2.FieldMask(paths=["profile", path]))

    def test_every_fault_is_named_by_its_field(self):
        wrong = pb.Policy(enforcement=9, rules=[
            pb.Rule(match=pb.Match(service="a"), weight=0),
            pb.Rule(match=pb.Match(**{"class": "x" * 65}),
                    set=pb.TierFields(poll_budget=duration_pb2.Duration(seconds=-1), max_tier=9,
                                      good_poll=pb.TierDurations(monitor=ms(1)),
                                      demote_to=pb.OsPriority(nice=20)))])
        self.refuses(wrong, "enforcement: 9", "rules[0].weight: 0", "rules[1].match.class: is longer than 64",
                     "rules[1].set.poll_budget: is negative", "rules[1].set.max_tier: 9",
                     "rules[1].set.good_poll: has no value for warn, yield, isolate",
                     "rules[1].set.demote_to.nice: 20 is outside 1 to 19")
        self.assertEqual(self.get().revision.revision, 1)

    def test_what_contradicts_itself_is_refused(self):
        self.refuses(pb.Policy(defaults=pb.TierFields(poll_budget=ms(9), emergency_poll=ms(9))), "emergency_poll")
        self.refuses(pb.Policy(rules=[pb.Rule(match=pb.Match(service="a"))]), "rules[0]")

    def test_a_field_of_a_newer_api_is_refused_rather_than_left_out(self):
        newer = pb.UpdatePolicyRequest.FromString(b"\x0a\x03\xf8\x3f\x01")  # field 1023 of the policy
        message = self.refused(Code.INVALID_ARGUMENT, self.api.Update, newer)
        self.assertIn("policy: has a field of number 1023", message)
        # Of the request itself, it could be what makes the change harmless.
        field = b"\xf8\x3f\x01"
        for method, request in ((self.api.Update, pb.UpdatePolicyRequest), (self.api.Rollback, pb.RollbackPolicyRequest)):
            self.assertIn("number 1023", self.refused(Code.INVALID_ARGUMENT, method, request.FromString(field)))
        self.assertEqual(self.get().revision.revision, 1)

    def test_changes_are_on_record_whatever_the_log_level(self):
        quiet = self.daemon(config="log_level: error")
        quiet.api().policy.Update(pb.UpdatePolicyRequest(policy=pb.Policy(), comment="for the record"), timeout=PATIENCE)
        quiet.says(r'audit: uid \d+: Update, "for the record": revision 2')
        self.assertNotIn("policy revision", quiet.log())

    def test_the_log_says_which_rules_go_further_than_the_policy(self):
        self.update(pb.Policy(rules=[pb.Rule(match=pb.Match(service="a"), enforcement=pb.ENFORCEMENT_ENFORCE)]))
        self.pulsed.says(r"policy revision 2: shadow \(1 rule enforces\)")

    def test_a_comment_has_a_bound_and_no_control_characters(self):
        self.update(pb.Policy(), comment="x" * 1024)
        self.refuses(pb.Policy(), "comment: is longer than 1024 bytes", comment="x" * 1025)
        self.refuses(pb.Policy(), "comment: has control characters", comment="\x1b[2J")

    def test_validate_only_checks_everything_and_changes_nothing(self):
        before = self.get()
        answer = self.update(shop_in_shadow(), validate_only=True, etag=before.etag)
        self.assertEqual(answer.revision.revision, 0)
        self.assertEqual(answer.etag, "")
        self.assertEqual(answer.policy.rules, shop_in_shadow().rules)
        self.refuses(pb.Policy(enforcement=9), "enforcement", validate_only=True)
        request = pb.UpdatePolicyRequest(policy=pb.Policy(), etag="stale", validate_only=True)
        self.refused(Code.ABORTED, self.api.Update, request)
        self.assertEqual(self.get(), before)

    def test_a_rollback_is_a_new_revision_with_the_old_policy(self):
        old = self.get()
        changed = self.update(shop_in_shadow())
        preview = self.api.Rollback(pb.RollbackPolicyRequest(revision=1, validate_only=True), timeout=PATIENCE)
        self.assertEqual((preview.policy, preview.revision.revision), (old.policy, 0))
        back = self.api.Rollback(pb.RollbackPolicyRequest(revision=1, etag=changed.etag, comment="too strict"),
                                 timeout=PATIENCE)
        self.assertEqual(back.policy, old.policy)
        self.assertEqual((back.revision.revision, back.revision.rolled_back_to), (3, 1))
        self.refused(Code.NOT_FOUND, self.api.Rollback, pb.RollbackPolicyRequest(revision=77))
        self.assertIn("revision", self.refused(Code.INVALID_ARGUMENT, self.api.Rollback, pb.RollbackPolicyRequest()))

    def test_the_history_says_what_changed_and_comes_in_pages(self):
        for weight in range(1, 8):
            self.update(pb.Policy(rules=[pb.Rule(match=pb.Match(service="a"), weight=weight)]), comment=str(weight))
        seen, token, pages = [], "", 0
        while True:
            page = self.api.ListRevisions(pb.ListRevisionsRequest(page_size=3, page_token=token), timeout=PATIENCE)
            seen += page.revisions
            pages += 1
            token = page.next_page_token
            if not token:
                break
        self.assertEqual([r.revision for r in seen], list(range(8, 0, -1)))
        self.assertEqual([r.comment for r in seen], ["7", "6", "5", "4", "3", "2", "1", ""])
        self.assertEqual(pages, 3)
        self.assertRegex(seen[0].diff, r"(?m)^-.*weight: 6$")
        self.assertRegex(seen[0].diff, r"(?m)^\+.*weight: 7$")
        self.assertEqual(seen[-1].diff, "")

    def test_a_page_is_of_ours_and_of_bounded_size(self):
        self.assertIn("page_size", self.refused(Code.INVALID_ARGUMENT, self.api.ListRevisions,
                                                pb.ListRevisionsRequest(page_size=101)))
        for token in ("x", "-1", "0", "1x", "99999999999999999999999"):
            self.assertIn("page_token", self.refused(Code.INVALID_ARGUMENT, self.api.ListRevisions,
                                                     pb.ListRevisionsRequest(page_token=token)))

    def test_a_watch_shows_the_policy_in_force_and_then_each_new_one(self):
        watch = self.api.Watch(pb.WatchPolicyRequest(), timeout=PATIENCE)
        self.assertEqual(next(watch), self.get())
        for _ in range(3):
            made = self.update(shop_in_shadow())
            self.assertEqual(next(watch), made)
        watch.cancel()

    def test_a_change_is_seen_by_the_control_loop(self):
        made = self.update(shop_in_shadow())
        monitor = self.pulsed.api().monitor
        eventually(lambda: monitor.GetStatus(monitor_pb2.GetStatusRequest()).policy_revision == made.revision.revision,
                   "the loop has another revision")

    def test_every_change_and_every_refused_one_is_an_audit_line(self):
        self.update(pb.Policy(), comment='quiet "now"')
        self.pulsed.says(r'audit: uid \d+: Update, "quiet \\"now\\"": revision 2')
        self.refuses(pb.Policy(enforcement=9))
        self.pulsed.says(r"audit: uid \d+: Update: INVALID_ARGUMENT: enforcement")
        self.refused(Code.NOT_FOUND, self.api.Rollback, pb.RollbackPolicyRequest(revision=77, comment="back"))
        self.pulsed.says(r'audit: uid \d+: Rollback to 77, "back": NOT_FOUND')


if __name__ == "__main__":
    unittest.main()
