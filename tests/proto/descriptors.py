"""The API as protoc describes it."""
import os
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

PROTO_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")
COMMITTED = os.path.join(PROTO_DIR, "pulsed.v1.binpb")
PROTOC = os.environ.get("PULSED_PROTOC", "protoc")


def proto_files():
    folder = os.path.join(PROTO_DIR, "pulsed", "v1")
    return sorted("pulsed/v1/" + name for name in os.listdir(folder) if name.endswith(".proto"))


def read(path):
    with open(path, "rb") as file:
        return descriptor_pb2.FileDescriptorSet.FromString(file.read())


def compiled(*options):
    """What the tree's files mean now."""
    with tempfile.TemporaryDirectory(prefix="pulsed-proto-") as directory:
        out = directory + "/set"
        subprocess.run([PROTOC, "--proto_path=" + PROTO_DIR, "--descriptor_set_out=" + out, "--include_imports",
                        *options, *proto_files()], check=True)
        return read(out)


def ours(files):
    return [file for file in files.file if file.name.startswith("pulsed/")]


def messages_of(file):
    """(full name, message) of all of a file, also those within others."""
    def within(prefix, messages):
        for message in messages:
            name = prefix + "." + message.name
            yield name, message
            yield from within(name, message.nested_type)
    yield from within(file.package, file.message_type)


def enums_of(file):
    for enum in file.enum_type:
        yield file.package + "." + enum.name, enum
    for name, message in messages_of(file):
        for enum in message.enum_type:
            yield name + "." + enum.name, enum
