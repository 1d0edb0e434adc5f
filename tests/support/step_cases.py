"""What must be seen of each kind of step on a real API server: it goes well, it fails, it takes too long.

Where it goes well it is the sample of `examples/runbooks` that is run. A kind that cannot take too long by
itself has what comes nearest: evidence that never comes, a vendor that does not answer.
"""

import itertools
from collections.abc import Collection
from typing import NamedTuple

from dev.layout import REPOSITORY
from tests.support.node import FAILS, HANGS
from tests.support.people import Json
from tests.support.runbook_team import TARGET

SUCCESS, FAILURE, TIMEOUT = "success", "failure", "timeout"
PATHS = (SUCCESS, FAILURE, TIMEOUT)

SAMPLES = {path.stem: path for path in sorted((REPOSITORY / "examples/runbooks").glob("*.yaml"))}
"""By the kind: a runbook with a step of it, as people would write it."""

SERVERS = {
    "https://prometheus.example.com": "@SINK@/prometheus",
    "https://shop.example.com": "@SINK@",
    "https://campaigns.example.com": "@SINK@",
}
"""Who plays the servers that the samples name; `@SINK@` is the origin of all of them."""

REQUESTS: dict[str, Json] = {
    "http": {"parameters": {"campaign": "spring"}},
    "notify": {"incidentRef": {"name": "checkout"}},
    "rollback": {"parameters": {"deployment": "cart"}},
}
"""What the request for a run of a sample says, where the sample asks for more than its name."""


class Case(NamedTuple):
    """A step, and what becomes of it."""

    step: Json
    phase: str = "Succeeded"
    reason: str = ""
    said: str = ""
    """A part of the step's message, or of its output."""
    incident: str = ""


def looks(name: str) -> Json:
    """A check that is true of the Deployment where the name is its own."""
    return {"targetRef": TARGET, "condition": f"object.metadata.name == '{name}'"}


def call(path: str) -> Json:
    return {"http": {"url": f"@SINK@/{path}"}}


def asks(server: str, condition: str, **more: str) -> Json:
    """A check of an expression at one of the servers that answer as Prometheus does."""
    query = 'rate(http_errors_total{service="checkout"}[5m])'
    return {"check": {"promQL": {"url": f"@SINK@/{server}", "query": query}, "condition": condition, **more}}


def tells(connection: str) -> Json:
    return {"notify": {"connectionRef": {"name": connection}, "text": "Hello."}}


def rolls_back(name: str) -> Json:
    return {"rollback": {"targetRef": TARGET | {"name": name}}}


def shifts(name: str) -> Json:
    target = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "name": name}
    weights = [{"name": "checkout-v1", "weight": 0}, {"name": "checkout-v2", "weight": 100}]
    return {"traffic": {"targetRef": target, "ruleName": "checkout", "weights": weights}}


MANUAL: Json = {"manual": {"text": "Look."}}
PAUSE: Json = {"patch": {"type": "Merge", "patch": "spec: {paused: true}"}}
NEVER: Json = {"verify": {"targetRef": TARGET, "condition": "object.spec.replicas == 99", "within": "3s"}}
FLAG: Json = {
    "baseURL": "@SINK@/unleash",
    "project": "default",
    "environment": "production",
    "feature": "new-checkout",
    "enabled": False,
    "authorizationSecretRef": {"name": "unleash", "key": "token"},
}
LOW = "size(result) == 1 && result.all(r, r.value < 0.05)"

CASES = {
    "manual-failure": Case(MANUAL | NEVER, "Failed", "NotVerified"),
    "manual-timeout": Case(MANUAL | {"timeout": "3s"}, "Failed", "Timeout"),
    "check-success-promql": Case(asks("prometheus", LOW)),
    "check-failure": Case({"check": looks("cart")}, "Failed", "Timeout"),
    "check-failure-promql": Case(asks("prometheus-high", LOW), "Failed", "Timeout", "not so: size(result)"),
    "check-timeout": Case({"check": looks("cart") | {"within": "6s"}}, "Failed", "Timeout"),
    "check-timeout-promql": Case(asks("prometheus-busy", LOW, within="3s"), "Failed", "Timeout", "HTTP 503"),
    "wait-failure": Case({"wait": {"duration": "1s"}} | NEVER, "Failed", "NotVerified"),
    "wait-timeout": Case({"wait": {"duration": "1h"}, "timeout": "3s"}, "Failed", "Timeout"),
    "kubernetes-failure": Case(
        {"kubernetes": {"targetRef": TARGET | {"name": "nothing"}, "restart": {}}}, "Failed", "Denied"
    ),
    "kubernetes-timeout": Case(
        {"kubernetes": {"targetRef": TARGET | {"name": "slow"}, **PAUSE}} | NEVER, "Undone", "NotVerified"
    ),
    "job-failure": Case({"job": {"image": FAILS}}, "Failed", "JobFailed", "backoff limit"),
    "job-timeout": Case({"job": {"image": HANGS}, "timeout": "5s"}, "Failed", "Timeout"),
    "http-failure": Case(call("refused"), "Failed", "HTTP404"),
    "http-timeout": Case(call("late"), "Unknown", "OutcomeUnknown"),
    "notify-success-channel": Case(
        {"notify": {"text": "Checkout is slow: {{ incident.name }}"}}, incident="checkout"
    ),
    "notify-failure": Case(tells("nobody"), "Failed", "NotSaid"),
    "notify-failure-channel": Case({"notify": {"text": "Hello."}}, "Failed", "NotSaid", incident="quiet"),
    "notify-timeout": Case(tells("late"), said="it may not have arrived"),
    "runbook-failure": Case({"runbook": {"runbookRef": {"name": "looks-elsewhere"}}}, "Failed", "RunFailed"),
    "runbook-timeout": Case(
        {"runbook": {"runbookRef": {"name": "waits"}}, "timeout": "6s"}, "Failed", "Timeout"
    ),
    "rollback-failure": Case(rolls_back("only"), "Failed", "Denied", "no revision before the present one"),
    "rollback-timeout": Case(rolls_back("menu") | NEVER, "Undone", "NotVerified"),
    "traffic-failure": Case(shifts("nothing"), "Failed", "Denied", "not found"),
    "traffic-timeout": Case(shifts("search") | NEVER, "Undone", "NotVerified"),
    "flag-timeout": Case({"flag": {"unleash": FLAG}}, "Unknown", "OutcomeUnknown"),
}
"""By the kind, the path, and what is special about it."""

INNER: dict[str, Json] = {"looks-elsewhere": {"check": looks("cart")}, "waits": MANUAL}
"""The runbooks that are run by a step."""

ELSEWHERE = {
    "flag-success": "test_flags.py::test_the_sample_turns_a_flag_of_unleash_off",
    "flag-failure": "test_flags.py::test_a_flag_that_is_not_there_says_so",
}
"""The paths that are walked by other tests, beside a server that is not ours."""

RUN_HERE = tuple(kind for kind in SAMPLES if f"{kind}-{SUCCESS}" not in ELSEWHERE)
"""The samples that walk the first path of their kind in the same place as the cases."""


def unproven(kinds: Collection[str]) -> list[str]:
    """The paths of these kinds that nothing walks."""
    walked = {"-".join(name.split("-")[:2]) for name in [*CASES, *ELSEWHERE]}
    walked |= {f"{kind}-{SUCCESS}" for kind in RUN_HERE}
    return sorted({f"{kind}-{path}" for kind, path in itertools.product(kinds, PATHS)} - walked)
