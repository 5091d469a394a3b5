"""Whatever a reader of proto/ may ask about is said there: each message, field, enum value and method has a comment."""
import unittest

import descriptors

# Numbers of fields of descriptor.proto, of which source_code_info makes its paths.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED, NESTED_ENUMS = 2, 3, 4
VALUES = METHODS = 2


def things(file):
    """(path, full name) of all that needs a comment."""
    def enum(path, name, item):
        yield path, name
        for i, value in enumerate(item.value):
            # What a value that is not set means stands where the enum is used.
            if value.number != 0:
                yield (*path, VALUES, i), f"{name}.{value.name}"

    def message(path, name, item):
        yield path, name
        for i, field in enumerate(item.field):
            yield (*path, FIELDS, i), f"{name}.{field.name}"
        for i, nested in enumerate(item.nested_type):
            yield from message((*path, NESTED, i), f"{name}.{nested.name}", nested)
        for i, nested in enumerate(item.enum_type):
            yield from enum((*path, NESTED_ENUMS, i), f"{name}.{nested.name}", nested)

    for i, item in enumerate(file.message_type):
        yield from message((MESSAGES, i), item.name, item)
    for i, item in enumerate(file.enum_type):
        yield from enum((ENUMS, i), item.name, item)
    for i, service in enumerate(file.service):
        yield (SERVICES, i), service.name
        for j, method in enumerate(service.method):
            yield (SERVICES, i, METHODS, j), f"{service.name}.{method.name}"


class CommentsOfTheApi(unittest.TestCase):
    def test_everything_has_a_comment(self):
        silent = []
        for file in descriptors.ours(descriptors.compiled("--include_source_info")):
            said = {tuple(at.path): at.leading_comments + at.trailing_comments for at in file.source_code_info.location}
            found = list(things(file))
            self.assertTrue(found, file.name)
            silent += [f"{file.name}: {name}" for path, name in found if not said.get(path, "").strip()]
        self.assertEqual(silent, [], "\n" + "\n".join(silent))


if __name__ == "__main__":
    unittest.main()
