"""What a played daemon tells `pulsectl top`, as slowly as a test wants."""

import threading
import time

from fake_api import FakeApi, monitor, policy


class World:
    """What the daemon would know. Tests change it while it is served; totals grow by what `per_second` says of a class."""

    def __init__(self):
        self.started_at = int(time.time()) - 3600
        self.status = monitor.Status(version='9.8.7', ready=True, policy_revision=12, profile=policy.PROFILE_BALANCED,
                                     enforcement=policy.ENFORCEMENT_ENFORCE, workers=3, tasks=40,
                                     in_flight_over_budget=1)
        self.services = []
        self.classes = []
        self.workers = []
        self.per_second = {}  # by class: field -> how much it grows; cpu_time in seconds
        self.begun = time.monotonic()
        self.delay_s = 0.0  # of GetStatus

    def add_class(self, service, name, tier=policy.TIER_MONITOR, enforcement=policy.ENFORCEMENT_ENFORCE, **per_second):
        self.classes.append(monitor.ClassInfo(service=service, tier=tier, enforcement=enforcement, tasks_by_tier=[4, 0, 0, 1],
                                              **{'class': name}))
        self.per_second[name] = per_second

    def grown(self, info):
        now = monitor.ClassInfo()
        now.CopyFrom(info)
        seconds = time.monotonic() - self.begun
        for field, rate in self.per_second.get(getattr(info, 'class'), {}).items():
            if field in ('cpu_time', 'would_be_cpu_time'):
                total = now.would_be.cpu_time if field.startswith('would') else now.cpu_time
                total.FromNanoseconds(int(rate * seconds * 1e9))
            elif field.startswith('would_be_'):
                setattr(now.would_be, field.removeprefix('would_be_'), int(rate * seconds))
            else:
                setattr(now, field, int(rate * seconds))
        return now


def served(world, run_dir):
    """The world, played behind run_dir/api.sock until it is closed."""
    ended = threading.Event()

    def status(request):
        if world.delay_s:
            ended.wait(world.delay_s)
        answer = monitor.Status()
        answer.CopyFrom(world.status)
        answer.started_at.seconds = world.started_at
        answer.services = len(world.services)
        return answer

    class Served(FakeApi):
        def close(self):
            ended.set()
            super().close()

    return Served(run_dir, {
        'GetStatus': status,
        'ListServices': lambda request: monitor.ListServicesResponse(services=world.services),
        'ListClasses': lambda request: monitor.ListClassesResponse(classes=[world.grown(each) for each in world.classes]),
        'ListWorkers': lambda request: monitor.ListWorkersResponse(workers=world.workers)})


def poll(name, age_s, tier=policy.TIER_MONITOR, blame=monitor.BLAME_UNSPECIFIED, cpu_s=0.0, **more):
    info = monitor.InFlightPoll(tier=tier, blame=blame, **{'class': name}, **more)
    info.age.FromNanoseconds(int(age_s * 1e9))
    info.cpu.FromNanoseconds(int(cpu_s * 1e9))
    return info


def shop():
    """Two services: `shop` with a hog in flight, a light class and one without a name; `mail` in shadow."""
    world = World()
    longest = poll('', 0.5).age
    world.services = [
        monitor.ServiceInfo(service='shop', pid=4242, workers=2, tasks=30, tasks_above_monitor=1, in_flight_over_budget=1,
                            longest_in_flight=longest),
        monitor.ServiceInfo(service='mail', pid=4343, workers=1, tasks=10)]
    world.add_class('shop', '/export', policy.TIER_ISOLATE, polls=50, cpu_time=0.95, violations=48, isolated_polls=47)
    world.add_class('shop', '/lookup', polls=1000, cpu_time=0.02)
    world.add_class('shop', '', polls=10, cpu_time=0.001)
    world.add_class('mail', 'send', policy.TIER_YIELD, policy.ENFORCEMENT_SHADOW, polls=20, cpu_time=0.4, violations=7,
                    would_be_yields=6, would_be_cpu_time=0.25)
    world.workers = [
        monitor.WorkerInfo(service='shop', pid=4242, worker=0, thread_name='shop-worker', thread_id=4243,
                           kind=monitor.WorkerInfo.KIND_ORDINARY,
                           in_flight=poll('/export', 0.5, policy.TIER_ISOLATE, monitor.BLAME_BURNING, 0.48, over_budget=True)),
        monitor.WorkerInfo(service='shop', pid=4242, worker=1, thread_name='shop-worker', thread_id=4244,
                           kind=monitor.WorkerInfo.KIND_ORDINARY),
        monitor.WorkerInfo(service='mail', pid=4343, worker=0, thread_name='mailer', thread_id=4344,
                           kind=monitor.WorkerInfo.KIND_SPARE, awake=False)]
    return world
