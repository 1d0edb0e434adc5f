"""A shift of traffic on a real API server that serves the Gateway API's own HTTPRoute."""

import json
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.people import Json, Stage, admin_client, set_stage
from tests.support.runbook_team import NO_APPROVAL, TARGET, Team, furnished

pytestmark = pytest.mark.cluster

GROUP = "gateway.networking.k8s.io"
VERSION = f"{GROUP}/v1"
ROUTE: Json = {"apiVersion": VERSION, "kind": "HTTPRoute", "name": "checkout"}
LONGEST = 30.0
HEADER: Json = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-a"]}}
"""A part of a rule that a shift must leave alone."""


def weights(first: int, second: int) -> list[Json]:
    return [{"name": "checkout-v1", "weight": first}, {"name": "checkout-v2", "weight": second}]


def shift(first: int, second: int, **more: Json) -> Json:
    traffic = {"targetRef": ROUTE, "ruleName": "all", "weights": weights(first, second)}
    return {"name": "shift", "traffic": traffic, **NO_APPROVAL, **more}


@pytest.fixture(scope="module")
def stage(cluster: Cluster, http_routes: None) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        yield set_stage(client, "traffic")


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    """A team whose account may change routes."""
    made = furnished(stage)
    account = f"system:serviceaccount:{stage.namespace}:incident-responder"
    stage.allow(account, "httproutes", ["get", "patch"], group=GROUP)
    return made


@pytest.fixture
def route(team: Team) -> Iterator[str]:
    """A route all of whose traffic goes to the first version."""
    backends = [each | {"port": 80} for each in weights(100, 0)]
    spec = {
        "rules": [
            {"name": "health", "backendRefs": [{"name": "checkout-v1", "port": 80}]},
            {"name": "all", "filters": [HEADER], "backendRefs": backends},
        ]
    }
    body = {"apiVersion": VERSION, "kind": "HTTPRoute", "metadata": {"name": "checkout"}, "spec": spec}
    wait_until(lambda: None if _made(team, body) else "HTTPRoutes are not served.", LONGEST)
    yield "checkout"
    team.admin.ask("DELETE", team.admin.path("httproutes", "checkout", VERSION))


def _made(team: Team, body: Json) -> bool:
    return team.admin.ask("POST", team.admin.path("httproutes", version=VERSION), body).succeeded


def shares(team: Team) -> list[int]:
    """The weights of the rule, whose other parts are as they were made."""
    other, rule = team.thing("httproutes", "checkout", VERSION)["spec"]["rules"]
    assert [each["weight"] for each in other["backendRefs"]] == [1]
    assert [each["type"] for each in rule["filters"]] == [HEADER["type"]]
    return [each["weight"] for each in rule["backendRefs"]]


@pytest.mark.feature("F44.core")
def test_all_traffic_moves_and_is_owed(team: Team, route: str):
    status = team.ended(team.run("moves", shift(0, 100)))
    assert status["phase"] == "Succeeded", status
    assert shares(team) == [0, 100]
    (planned,), (debt,) = status["plan"]["steps"], status["debt"]
    assert planned["diff"].splitlines() == [
        "spec.rules[1].backendRefs[0].weight: 100 -> 0",
        "spec.rules[1].backendRefs[1].weight: 0 -> 100",
    ]
    assert planned["undo"] == "what was there before, if nobody has changed it since"
    assert (debt["what"], debt["undo"]) == ("shift traffic of HTTPRoute checkout", "the undo of step shift")


@pytest.mark.feature("F44.core")
def test_all_traffic_moves_back_when_it_did_not_help(team: Team, route: str):
    seen = {"targetRef": TARGET, "condition": "object.spec.replicas == 99", "within": "4s"}
    run = team.run("moves-back", shift(0, 100, verify=seen))
    wait_until(lambda: None if shares(team) == [0, 100] else "it has not moved", LONGEST)
    status = team.ended(run)
    assert (status["phase"], status["steps"][0]["phase"]) == ("Undone", "Undone"), status
    assert shares(team) == [100, 0]
    assert status.get("debt", []) == []


@pytest.mark.feature("F44.core")
def test_what_somebody_has_changed_since_is_left_as_it_is(team: Team, route: str):
    seen = {"targetRef": TARGET, "condition": "object.spec.replicas == 99", "within": "6s"}
    run = team.run("changed-since", shift(0, 100, verify=seen))

    def step() -> Json:
        return dict((team.status(run).get("steps") or [{}])[0])

    # Until it has read back what it set, a change by somebody else is waited for.
    wait_until(lambda: None if step().get("phase") == "Verifying" else json.dumps(step()), LONGEST)
    patch = [{"op": "replace", "path": "/spec/rules/1/backendRefs/0/weight", "value": 40}]
    path = team.admin.path("httproutes", "checkout", VERSION)
    headers = {"Content-Type": "application/json-patch+json"}
    assert team.admin.client.patch(path, content=json.dumps(patch), headers=headers).is_success
    wait_until(lambda: None if step().get("phase") == "UndoFailed" else json.dumps(step()), LONGEST)
    assert step()["reason"] == "ChangedSince"
    assert '{"checkout-v1": 40, "checkout-v2": 100}' in step()["message"]
    assert shares(team) == [40, 100]


@pytest.mark.feature("F44.core", "F46.core")
def test_a_dry_run_shows_the_shift_and_changes_nothing(team: Team, route: str):
    status = team.ended(team.run("foreseen", shift(0, 100), dryRun=True))
    assert "weight: 100 -> 0" in status["plan"]["steps"][0]["diff"]
    assert shares(team) == [100, 0]


def test_a_fence_of_another_version_is_a_conflict(team: Team, route: str):
    """What the operator sends ahead of its JSON patch: the API server says 409, not 422."""
    path = team.admin.path("httproutes", "checkout", VERSION)
    headers = {"Content-Type": "application/json-patch+json"}
    weight = {"op": "add", "path": "/spec/rules/1/backendRefs/0/weight", "value": 5}
    version = team.thing("httproutes", "checkout", VERSION)["metadata"]["resourceVersion"]
    for value, status in (("1", 409), (version, 200)):
        fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": value}
        answer = team.admin.client.patch(path, content=json.dumps([fence, weight]), headers=headers)
        assert answer.status_code == status, answer.text
