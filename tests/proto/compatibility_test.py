"""No change of proto/ may break a client built from what is committed in proto/pulsed.v1.binpb."""
import copy
import unittest

import compatibility
import descriptors

HOW_TO_RENEW = """
If nothing but additions were made, make it part of the API with
  protoc --proto_path=proto --include_imports --descriptor_set_out=proto/pulsed.v1.binpb """ + " ".join(
    descriptors.proto_files())


class TheApiAsItIs(unittest.TestCase):
    def test_nothing_breaks_clients_of_the_committed_api(self):
        self.assertEqual(compatibility.breaks(descriptors.read(descriptors.COMMITTED), descriptors.compiled()), [])

    def test_what_was_added_is_committed_too(self):
        self.assertEqual(compatibility.breaks(descriptors.compiled(), descriptors.read(descriptors.COMMITTED)), [],
                         HOW_TO_RENEW)


class FindingBreaks(unittest.TestCase):
    """That what would break a client is found: each case breaks one thing."""

    def setUp(self):
        self.old = descriptors.read(descriptors.COMMITTED)
        self.new = copy.deepcopy(self.old)
        self.policy = next(f for f in self.new.file if f.name == "pulsed/v1/policy.proto")

    def message(self, name):
        return next(m for m in self.policy.message_type if m.name == name)

    def field(self, message, name):
        return next(f for f in self.message(message).field if f.name == name)

    def finds(self, text):
        self.assertEqual([line for line in compatibility.breaks(self.old, self.new) if text not in line], [])
        self.assertTrue(compatibility.breaks(self.old, self.new))

    def test_the_same_breaks_nothing(self):
        self.assertEqual(compatibility.breaks(self.old, self.new), [])

    def test_additions_break_nothing(self):
        field = self.message("Rule").field.add()
        field.CopyFrom(self.field("Rule", "weight"))
        field.name, field.number = "brand_new", 99
        self.policy.message_type.add().name = "BrandNew"
        value = self.policy.enum_type[0].value.add()
        value.name, value.number = "BRAND_NEW", 99
        method = self.policy.service[0].method.add()
        method.CopyFrom(self.policy.service[0].method[0])
        method.name = "BrandNew"
        self.assertEqual(compatibility.breaks(self.old, self.new), [])

    def test_a_field_that_is_gone(self):
        self.message("Rule").field.remove(self.field("Rule", "weight"))
        self.finds("pulsed.v1.Rule.weight = 3 is gone, its number not reserved")

    def test_a_field_that_has_another_number(self):
        self.field("Rule", "weight").number = 99
        self.finds("pulsed.v1.Rule.weight = 3 has the number 99 now")

    def test_a_field_that_has_another_name(self):
        self.field("Rule", "weight").name = "share"
        self.finds("pulsed.v1.Rule.weight = 3 is named share now")

    def test_a_field_that_has_another_type(self):
        self.field("Rule", "weight").type = 4
        self.finds("pulsed.v1.Rule.weight = 3 has another type now")

    def test_a_message_field_that_has_another_message(self):
        self.field("Rule", "match").type_name = ".pulsed.v1.Rule"
        self.finds("pulsed.v1.Rule.match = 1 has another type now")

    def test_a_field_that_becomes_a_list(self):
        self.field("Rule", "weight").label = 3
        self.finds("pulsed.v1.Rule.weight = 3 is repeated now")

    def test_a_field_that_is_no_more_optional(self):
        self.field("Rule", "weight").proto3_optional = False
        self.field("Rule", "weight").ClearField("oneof_index")
        self.finds("pulsed.v1.Rule.weight = 3 is optional now, or no more")

    def test_a_field_that_leaves_its_oneof(self):
        self.field("Author", "uid").ClearField("oneof_index")
        self.finds("pulsed.v1.Author.uid = 1 is in another oneof now")

    def test_a_message_an_enum_or_a_service_that_is_gone(self):
        self.message("Rule").name = "Exception"
        self.finds("message pulsed.v1.Rule is gone")
        self.message("Exception").name = "Rule"
        self.policy.enum_type[0].name = "Other"
        self.finds("enum pulsed.v1.Enforcement is gone")
        self.policy.enum_type[0].name = "Enforcement"
        self.policy.service[0].name = "Other"
        self.finds("service pulsed.v1.PolicyService is gone")

    def test_an_enum_value_that_is_gone_or_has_another_name(self):
        del self.policy.enum_type[0].value[-1]
        self.finds("pulsed.v1.Enforcement.ENFORCEMENT_ENFORCE = 3 is gone")
        self.policy.enum_type[0].value[-1].name = "ENFORCEMENT_X"
        self.assertEqual(len(compatibility.breaks(self.old, self.new)), 2)

    def test_a_method_that_is_gone_or_has_other_types_or_streams(self):
        method = next(m for m in self.policy.service[0].method if m.name == "Get")
        method.server_streaming = True
        self.finds("pulsed.v1.PolicyService.Get streams now")
        method.server_streaming = False
        method.output_type = ".pulsed.v1.Policy"
        self.finds("pulsed.v1.PolicyService.Get takes or gives another message now")
        self.policy.service[0].method.remove(method)
        self.finds("pulsed.v1.PolicyService.Get is gone")


if __name__ == "__main__":
    unittest.main()
