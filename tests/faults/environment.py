"""What happens around a process: to the machine's clock, the API server, Secrets, policies and replicas."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

from tests.faults.crossings import Crossing
from tests.faults.replies import status
from tests.faults.stage import Stage
from tests.faults.team import CANARIES, NAMES, ROTATED
from tests.faults.virtual_time import world_around
from tests.support.apiserver.reading import Request
from watchbill.shell.paths import core_path, lease_path, path_of

Act = Callable[[Stage, Crossing], None]

MEMORY_BACK = timedelta(seconds=10)
"""How long the kubelet waits with a container that ran out of memory."""


def _in(seconds: float, call: Callable[[], object]) -> None:
    asyncio.get_running_loop().call_later(seconds, call, context=world_around())


def acknowledged(stage: Stage, crossing: Crossing) -> None:
    """Somebody takes every incident, by a page that the operator has not heard of yet."""
    for name in NAMES:
        if stage.incident(name):
            stage.acknowledge(name, by="bo")


def resolved(stage: Stage, crossing: Crossing) -> None:
    """Somebody ends every incident."""
    for name in NAMES:
        if stage.incident(name):
            stage.resolve(name, "it went away")


def clock_moved(seconds: float) -> Act:
    """The machine's wall clock is set."""

    def act(stage: Stage, crossing: Crossing) -> None:
        stage.operator_of(crossing).wall_ahead += seconds

    return act


def frozen(seconds: float) -> Act:
    """The process is halted while its request is on its way."""
    return lambda stage, crossing: stage.operator_of(crossing).freeze(seconds)


def cut_off(seconds: float) -> Act:
    """The process cannot reach the API server, and everybody else can."""

    def act(stage: Stage, crossing: Crossing) -> None:
        stage.cut_until[stage.operator_of(crossing).process] = stage.now + stage.span(seconds)

    return act


def lease_stolen(stage: Stage, crossing: Crossing) -> None:
    """Another process writes itself into the lease, and is gone after that."""
    path = lease_path(stage.lease_namespace, "watchbill")
    if "spec" in stage.server.ask("GET", path):
        stage.server.ask("PATCH", path, {"spec": {"holderIdentity": "three", "leaseTransitions": 9}})


def lease_refused(seconds: float) -> Act:
    """The API server answers nothing that concerns leases."""
    return _sick(seconds, lambda request: "/leases" in request.path, 500)


def newer_version(stage: Stage, crossing: Crossing) -> None:
    """A rolling update: a newer version writes a field that is unknown here, and another pod begins."""
    for name in NAMES:
        if stage.status(name):
            path = path_of("Incident", stage.namespace, name, "status")
            stage.server.ask("PATCH", path, {"status": {"newer": {"of": "the future"}}})
    stage.operator_of(crossing).kill()


def down(seconds: float) -> Act:
    """The API server is gone for everybody."""

    return lambda stage, crossing: stage.go_down(seconds)


def unwritable(code: int, seconds: float) -> Act:
    """The status of no incident can be written."""
    return _sick(seconds, lambda request: request.method == "PATCH" and "/incidents/" in request.path, code)


def _sick(seconds: float, concerns: Callable[[Request], bool], code: int) -> Act:
    refusal = status(code)

    def act(stage: Stage, crossing: Crossing) -> None:
        stage.sick_until = stage.now + stage.span(seconds)
        stage.sickness = lambda request: refusal(None) if concerns(request) else None

    return act


def secret_rotated(stage: Stage, crossing: Crossing) -> None:
    """The pager's credential is another one from now on."""
    stage.secret("pagerduty", {"routingKey": ROTATED})


def secret_gone(seconds: float) -> Act:
    """The pager's Secret is deleted, and written again after a while."""

    def act(stage: Stage, crossing: Crossing) -> None:
        stage.server.ask("DELETE", core_path("secrets", stage.namespace, "pagerduty"))
        _in(stage.span(seconds), lambda: stage.secret("pagerduty", CANARIES["pagerduty"]))

    return act


def secret_empty(seconds: float) -> Act:
    """The pager's Secret has an empty key for a while."""

    def act(stage: Stage, crossing: Crossing) -> None:
        stage.secret("pagerduty", {"routingKey": ""})
        _in(stage.span(seconds), lambda: stage.secret("pagerduty", CANARIES["pagerduty"]))

    return act


def policy_gone(seconds: float) -> Act:
    """The policy is deleted, and written again after a while."""

    def act(stage: Stage, crossing: Crossing) -> None:
        path = path_of("EscalationPolicy", stage.namespace, "primary")
        found = stage.server.ask("GET", path)
        if "spec" in found:
            spec = json.loads(json.dumps(found["spec"]))
            stage.server.ask("DELETE", path)
            _in(stage.span(seconds), lambda: stage.put("EscalationPolicy", "primary", {"spec": spec}))

    return act


def namespace_ending(stage: Stage, crossing: Crossing) -> None:
    """The namespace is deleted: nothing new may be made in it, and its incidents are still there."""
    stage.server.ask("DELETE", f"/api/v1/namespaces/{stage.namespace}")


def history_forgotten(stage: Stage, crossing: Crossing) -> None:
    """Every stream ends with 410, as when a CRD is updated."""
    stage.server.forget()


def out_of_memory(stage: Stage, crossing: Crossing) -> None:
    """The process is killed, and its restart waits."""
    stage.operator_of(crossing).kill(back_after=MEMORY_BACK)
