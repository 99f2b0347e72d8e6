"""One cell of the matrix of launches: the server dies at a crash point while EC2 has a fault, and another takes over.

Nobody helps it: callers repeat what they asked until they are answered, as callers do. What came of it is judged
against what EC2 has and against the log.
"""

import pathlib
import time

import grpc
from accounted import check_instances, check_launches
from matrix import AFTERWARDS, ALWAYS, FAULTS, LEAD_IN
from oracle import Acknowledgements, check_acknowledged, check_launched, check_verify, demand, read_log
from service import CALL_SECONDS, GONE, Client, Ended, Service, intended_tokens, launch_pb2, request

# Five calls at once and two a second: EC2's own rate, so that launches which are alike wait together.
BUDGET = "share = 1.0\nscale = 1.0"
TICK_SECONDS = 0.02
PAUSE_SECONDS = 0.15
LIFE_SECONDS = 150
DYING_SECONDS = 0.3

# In every sandbox (src/sandbox/images/landmarks.rs): its status checks never pass.
NEVER_READY = "ami-05a4db0c500000019"
# Is given a second to boot, and terminated after it.
LATE = "late"
LATE_SECONDS = 1
# Ended while they are LAUNCHING, so that nobody waits for them.
ENDED_EARLY = {"cancelled", "terminated-early"}
GONE_FOR_GOOD = {
    launch_pb2.LAUNCH_STATE_TERMINATED,
    launch_pb2.LAUNCH_STATE_CANCELLED,
    launch_pb2.LAUNCH_STATE_FAILED,
}
# Name: types, least, most, user data, callers.
LAUNCHES = {
    "plain": (["t3.micro"], 1, 1, b"", 2),
    "data": (["t3.micro"], 2, 2, b"#!/bin/sh\n", 2),
    "some": (["t3.small"], 1, 3, b"", 1),
    "falls-back": (["m7i.large", "t3.micro", "m6a.large"], 2, 2, b"", 1),
    "in-vain": (["m7i.large"], 1, 1, b"", 1),
    "terminated": (["t3.nano", "m6a.large"], 1, 1, b"", 1),
    "terminated-early": (["c6i.large"], 2, 2, b"#!/bin/sh\n", 1),
    "cancelled": (["m6i.large"], 1, 1, b"", 1),
    LATE: (["m6a.large"], 1, 1, b"", 1),
    "alike-1": (["t3.medium"], 1, 1, b"", 1),
    "alike-2": (["t3.medium"], 1, 1, b"", 2),
    "alike-3": (["t3.medium"], 1, 2, b"", 1),
}


def body(name):
    """The launch of that name. It is the same whenever it is asked for."""
    types, least, most, user_data, _ = LAUNCHES[name]
    asked = request(name, user_data=user_data)
    asked.spec.instance_types[:] = types
    asked.spec.min_count, asked.spec.max_count = least, most
    if name == LATE:
        asked.spec.image.image_id = NEVER_READY
        asked.spec.ready_timeout.FromSeconds(LATE_SECONDS)
        asked.spec.on_boot_failure = launch_pb2.ON_BOOT_FAILURE_TERMINATE
    if name in ENDED_EARLY:
        asked.wait_timeout.FromSeconds(0)
    return asked


def is_terminated(launch):
    """Whether its instances are, whatever the launch is."""
    phases = [each.phase for each in launch.instances]
    return bool(phases) and all(phase == launch_pb2.BOOT_PHASE_TERMINATED for phase in phases)


class Caller:
    """Asks for one thing until it is answered. `ask` makes the call; None as long as it cannot be asked for yet."""

    def __init__(self, name, ask, is_answer):
        self.name, self.ask, self.is_answer = name, ask, is_answer
        self.answered, self.call, self.again_at, self.told = False, None, 0.0, ""

    def step(self, client):
        """Takes an answer, or asks. What was said that is no answer of a server that is there."""
        if self.answered:
            return None
        if self.call is None:
            if self.again_at <= time.monotonic():
                self.call = self.ask(client)
            return None
        if not self.call.done():
            return None
        call, self.call, self.again_at = self.call, None, time.monotonic() + PAUSE_SECONDS
        error = call.exception()
        if error is None or error.code() == grpc.StatusCode.FAILED_PRECONDITION:
            self.answered = self.is_answer(error or call.result())
            if self.answered or error is None:
                return None
        self.told = f"{self.name}: {error.code()} {error.details()}"
        return None if error.code() in GONE else self.told

    def forget_call(self):
        """The server is gone, and whatever it was asked."""
        self.call, self.again_at = None, 0.0


class Cell:
    """A directory of its own, a sandbox with a plan, and the callers. `again`: where the next server may die."""

    def __init__(self, sandbox, scratch, point, fault, again):
        self.sandbox, self.scratch, self.point, self.again = sandbox, scratch, point, again
        self.data_dir = f"{scratch}/data"
        # In force anew with each server, so that what finishes a launch meets the fault as well.
        self.plan = ALWAYS + FAULTS[fault]
        self.before = set(sandbox.tokens())
        self.acknowledged = Acknowledgements()
        self.launched, self.refused = {}, {}  # name -> the last answer; what could not be done any more
        self.ended = set()
        self.alone = None  # the only launch that is asked for
        self.reached = False
        self.deaths = 0
        self.callers = [Caller("preview", self._preview, lambda _: True)]
        for name, (*_, callers) in LAUNCHES.items():
            self.callers += [Caller(name, self._launch(name), self._took(name)) for _ in range(callers)]
        self.callers += [
            Caller("cancel cancelled", self._end("CancelLaunch", "cancelled"), self._ended("cancelled")),
            Caller("late is gone", self._look(LATE, self.launched), is_terminated),
        ]
        for name in ("terminated", "terminated-early"):
            self.callers += [
                Caller(f"terminate {name}", self._end("TerminateLaunch", name), self._ended(name)),
                Caller(f"{name} is gone", self._look(name, self.ended), self._is_gone(name)),
            ]

    def _preview(self, client):
        asked = body("plain")
        asked.request_id, asked.validate_only = "", True
        return client.launches.LaunchInstances.future(asked, timeout=CALL_SECONDS)

    def _launch(self, name):
        asked, is_alike = body(name), name.startswith("alike")

        def ask(client):
            # The first question of all has the server learn the types, so that the others find it rested.
            if not self.callers[0].answered or self.alone not in (None, name):
                return None
            # The alike come when those before them have taken the calls that there are at once.
            if is_alike and "cancelled" not in self.launched:
                return None
            return client.launches.LaunchInstances.future(asked, timeout=CALL_SECONDS)

        return ask

    def _took(self, name):
        def is_answer(launch):
            if isinstance(launch, grpc.RpcError):
                return False
            self.acknowledged.add(name, launch)
            self.launched[name] = launch
            return launch.state != launch_pb2.LAUNCH_STATE_LAUNCHING

        return is_answer

    def _end(self, method, name):
        """Ends a launch as soon as it is known, or, if that is not to be early, when it has been launched."""

        def ask(client):
            launch = self.launched.get(name)
            if self.alone or launch is None:
                return None
            if name not in ENDED_EARLY and launch.state == launch_pb2.LAUNCH_STATE_LAUNCHING:
                return None
            message = getattr(launch_pb2, f"{method}Request")
            asked = message(launch_id=launch.launch_id, reason="fault campaign", request_id=f"{method}-{name}")
            return getattr(client.launches, method).future(asked, timeout=CALL_SECONDS)

        return ask

    def _ended(self, name):
        def is_answer(answer):
            self.ended.add(name)
            if isinstance(answer, grpc.RpcError):
                self.refused[name] = answer.details()
            return True

        return is_answer

    def _look(self, name, once):
        """Asks how a launch is once its name is among these."""

        def ask(client):
            if name not in once:
                return None
            asked = launch_pb2.GetLaunchRequest(launch_id=self.launched[name].launch_id)
            return client.launches.GetLaunch.future(asked, timeout=CALL_SECONDS)

        return ask

    def _is_gone(self, name):
        return lambda launch: name in self.refused or launch.state in GONE_FOR_GOOD

    def run(self, report):
        """Lives and deaths, and the judgement. Raises Violation."""
        if AFTERWARDS.fullmatch(self.point):
            self.alone = "cancelled"
            demand(self.live(LEAD_IN), f"{LEAD_IN} was not reached, which leads to {self.point}")
            self.alone = None
        self.reached = self.live(self.point)
        # Whoever takes over may die as well; that was drawn, so that it need not be reached.
        if self.again:
            self.live(self.again)
        self.sandbox.plan(self.plan)
        service = Service(self.sandbox, self.data_dir, self.scratch, budget=BUDGET)
        try:
            address = service.address()
            demand(self.drive(service, address), f"the server ended by itself: {service.said()}")
            client = Client(address)
            log = self.judge(client)
            client.close()
            service.stop()
        finally:
            service.kill()
        check_verify(self.data_dir, [], self.scratch, report)
        return log

    def live(self, crash_at):
        """One server that is to die at a point, or is killed at the end of everything. Whether it reached it."""
        self.sandbox.plan(self.plan)
        service = Service(self.sandbox, self.data_dir, self.scratch, budget=BUDGET, crash_at=crash_at)
        try:
            self.drive(service, service.address())
        except Ended:
            pass
        finally:
            died = not service.runs()
            service.kill()
        self.deaths += 1
        reached = f"crash point {crash_at.partition(':')[0]} reached" in service.log.read_text(errors="replace")
        demand(reached or not died, f"the server ended by itself: {service.said()}")
        missing = self.tokens().keys() - intended_tokens(self.data_dir)
        demand(not missing, f"EC2 launched under {sorted(missing)}, and the journal intends none of it")
        return reached

    def drive(self, service, address):
        """Everybody asks until everybody is answered, or the server is dead. Whether they are."""
        client, deadline = Client(address), time.monotonic() + LIFE_SECONDS
        try:
            while not all(caller.answered for caller in self.callers):
                wrong = [told for caller in self.callers if (told := caller.step(client))]
                if wrong:
                    # Once the server is dead the library may say anything.
                    time.sleep(DYING_SECONDS)
                    demand(not service.runs(), f"wrong answers: {wrong[:3]}")
                if not service.runs():
                    return False
                waiting = [f"{caller.name} ({caller.told})" for caller in self.callers if not caller.answered]
                demand(time.monotonic() < deadline, f"not answered within {LIFE_SECONDS} s: {waiting}")
                time.sleep(TICK_SECONDS)
            return True
        finally:
            client.close()
            for caller in self.callers:
                caller.forget_call()

    def tokens(self):
        """What EC2 launched in this cell."""
        return {token: ids for token, ids in self.sandbox.tokens().items() if token not in self.before}

    def judge(self, client):
        """The whole oracle. The log."""
        log = read_log(client)
        check_launched(log, self.tokens())
        check_acknowledged(log, self.acknowledged)
        demand(set(log.decisions) == set(LAUNCHES), f"decided are {sorted(log.decisions)}")
        self.final = check_launches(client, log, LAUNCHES, body, self.refused)
        self.untagged = check_instances(self.sandbox, log, self.before, self.final)
        kept = list(pathlib.Path(self.data_dir, "user-data").iterdir())
        demand(not kept, f"user data is kept that nobody needs: {kept}")
        return log
