"""A daemon that answers what a test tells it to: for what a real one says only when a disk is full, or of another version."""

import importlib
import subprocess
import sys
import tempfile
from concurrent import futures
from pathlib import Path

import grpc

PROTO = Path(__file__).resolve().parents[3] / 'proto'
SERVICES = ('policy', 'monitor', 'control')


def _generate():
    """The messages and services, made from the .proto files when the tests begin."""
    out = tempfile.TemporaryDirectory(prefix='pulsed-proto-')
    plugin = subprocess.run(['sh', '-c', 'command -v grpc_python_plugin'], check=True, capture_output=True, text=True)
    subprocess.run(['protoc', f'--proto_path={PROTO}', f'--python_out={out.name}', f'--grpc_out={out.name}',
                    f'--plugin=protoc-gen-grpc={plugin.stdout.strip()}', *(f'pulsed/v1/{name}.proto' for name in SERVICES)],
                   check=True, timeout=60)
    sys.path.insert(0, out.name)
    return out, {name: importlib.import_module(f'pulsed.v1.{name}_pb2') for name in SERVICES}


_generated, _messages = _generate()
policy, monitor, control = (_messages[name] for name in SERVICES)


class Refusal(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


class FakeApi(grpc.GenericRpcHandler):
    """`answers`: by method, a message, an exception, or a function of the request that returns or raises one; a stream is a
    function that yields. What is not there is UNIMPLEMENTED."""

    def __init__(self, run_dir, answers):
        self.answers = answers
        self.methods = {}
        for name, module in _messages.items():
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    self.methods[f'/{service.full_name}/{method.name}'] = method
        (Path(run_dir) / 'admin').mkdir(parents=True, exist_ok=True)
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), handlers=[self])
        for socket in ('api.sock', 'admin/api.sock'):
            self.server.add_insecure_port(f'unix:{run_dir}/{socket}')
        self.server.start()

    def close(self):
        self.server.stop(grace=None).wait(10)

    def service(self, call):
        method = self.methods.get(call.method)
        if method is None or method.name not in self.answers:
            return None
        make = grpc.unary_unary_rpc_method_handler
        answer = self.unary
        if method.full_name.endswith(('WatchEvents', 'PolicyService.Watch')):
            make, answer = grpc.unary_stream_rpc_method_handler, self.stream
        # Whichever of Python's two protobuf classes of messages it is.
        read = getattr(_messages[method.input_type.file.name.split('/')[-1].split('.')[0]], method.input_type.name)
        return make(lambda request, context: answer(method.name, request, context), request_deserializer=read.FromString,
                    response_serializer=lambda message: message.SerializeToString())

    def unary(self, name, request, context):
        answer = self.answers[name]
        try:
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer
        except Refusal as refusal:
            context.abort(refusal.code, refusal.text)

    def stream(self, name, request, context):
        try:
            yield from self.answers[name](request)
        except Refusal as refusal:
            context.abort(refusal.code, refusal.text)
