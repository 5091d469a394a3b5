"""A daemon that answers what a test tells it to: for what a real one says only when a disk is full, or of another version."""

import os
from collections import Counter
from concurrent import futures
from pathlib import Path

# Tests fork, in which gRPC 1.51 would halt its threads, and aborts when one is being ended.
os.environ['GRPC_ENABLE_FORK_SUPPORT'] = '0'

import grpc  # noqa: E402
from pulsed.v1 import control_pb2 as control
from pulsed.v1 import monitor_pb2 as monitor
from pulsed.v1 import policy_pb2 as policy

_messages = {'policy': policy, 'monitor': monitor, 'control': control}


class Refusal(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


class FakeApi(grpc.GenericRpcHandler):
    """`answers`: by method, a message, an exception, or a function of the request that returns or raises one; a stream is a
    function that yields. What is not there is UNIMPLEMENTED. `begun` and `ended` count calls by method; one ends when it was
    answered or given up."""

    def __init__(self, run_dir, answers):
        self.answers = answers
        self.begun, self.ended = Counter(), Counter()
        self.methods = {}
        for name, module in _messages.items():
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    self.methods[f'/{service.full_name}/{method.name}'] = method
        (Path(run_dir) / 'admin').mkdir(parents=True, exist_ok=True)
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), handlers=[self])
        self.sockets = [Path(run_dir) / name for name in ('api.sock', 'admin/api.sock')]
        for socket in self.sockets:
            if self.server.add_insecure_port(f'unix:{socket}') == 0:
                raise RuntimeError(f'cannot listen on {socket}')
        self.server.start()

    def close(self):
        self.server.stop(grace=None).wait(10)
        for socket in self.sockets:
            socket.unlink(missing_ok=True)

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
        self.begun[name] += 1
        context.add_callback(lambda: self.ended.update([name]))
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
