"""What a run does is what its account may do: every account, step and namespace, on a real API server.

One dry run plans all steps that an account could take in a namespace, and each is refused exactly where a
SubjectAccessReview of the account denies one of the rights that it takes. What may be done is then done.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from tests.support.people import Json, Stage, admin_client, set_stage
from tests.support.rights import Right, Rights, Who
from tests.support.runbook_team import DEPLOYMENT, NO_APPROVAL, Team
from watchbill.api.group import DEFAULT_OPERATOR_USER

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F41")]

HOME, OTHER, UNLISTED = "accounts-home", "accounts-other", "accounts-unlisted"
PLACES = (HOME, OTHER, UNLISTED)
ACCOUNTS: dict[str, list[tuple[str, str, list[str], str]]] = {
    "nothing": [],
    "reads": [
        (HOME, "apps/deployments", ["get"], ""),
        (HOME, "/configmaps", ["get"], ""),
        (OTHER, "apps/deployments", ["get"], ""),
    ],
    "writes": [
        (HOME, "apps/deployments", ["get", "patch"], ""),
        (HOME, "apps/deployments/scale", ["get", "patch"], ""),
        (HOME, "/configmaps", ["get", "patch", "delete"], ""),
        (HOME, "batch/jobs", ["create"], ""),
    ],
    "elsewhere": [
        (OTHER, "apps/deployments", ["get", "patch"], ""),
        (OTHER, "/secrets", ["get", "patch"], ""),
        (UNLISTED, "apps/deployments", ["get", "patch"], ""),
    ],
    "one-object": [(HOME, "/secrets", ["get", "patch"], "pager"), (HOME, "/configmaps", ["get"], "other")],
    "roles": [(HOME, "rbac.authorization.k8s.io/roles", ["get", "patch"], "")],
}
"""The rights of each account: where, on what, which verbs, and on which name alone."""


class Case(NamedTuple):
    """A step, and the rights that it takes."""

    body: Json
    rights: tuple[Right, ...]
    anywhere: bool = True
    """Whether it can be about another namespace."""


def on(version: str, kind: str, name: str, **action: object) -> Json:
    return {"kubernetes": {"targetRef": {"apiVersion": version, "kind": kind, "name": name}, **action}}


def rights(group: str, resource: str, name: str, *verbs: str) -> tuple[Right, ...]:
    return tuple(Right(verb, resource, name, group) for verb in verbs)


PATCH = {"patch": {"type": "Merge", "patch": "metadata: {annotations: {touched: 'yes'}}"}}
POWER = {"patch": {"type": "Merge", "patch": "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]"}}
CASES = {
    "restart": Case(
        on("apps/v1", "Deployment", "checkout", restart={}),
        rights("apps", "deployments", "checkout", "get", "patch"),
    ),
    "scale": Case(
        on("apps/v1", "Deployment", "checkout", scale={"replicas": 5}),
        rights("apps", "deployments/scale", "checkout", "get", "patch"),
    ),
    "patch-secret": Case(
        on("v1", "Secret", "pager", **PATCH), rights("", "secrets", "pager", "get", "patch")
    ),
    "patch-map": Case(
        on("v1", "ConfigMap", "settings", **PATCH), rights("", "configmaps", "settings", "get", "patch")
    ),
    "delete-map": Case(
        on("v1", "ConfigMap", "old", delete={}), rights("", "configmaps", "old", "get", "delete")
    ),
    "delete-deployment": Case(
        on("apps/v1", "Deployment", "checkout", delete={}),
        rights("apps", "deployments", "checkout", "get", "delete"),
    ),
    "cordon": Case(
        on("v1", "Node", "node-1", cordon={}), rights("", "nodes", "node-1", "get", "patch"), anywhere=False
    ),
    "job": Case({"job": {"image": "example.com/a"}}, rights("batch", "jobs", "", "create"), anywhere=False),
    "grow": Case(
        on("rbac.authorization.k8s.io/v1", "Role", "small", **POWER),
        rights("rbac.authorization.k8s.io", "roles", "small", "get", "patch", "escalate"),
    ),
}


def steps(place: str) -> list[Json]:
    """Every case as a step of one namespace."""
    found = []
    for name, case in CASES.items():
        body = json.loads(json.dumps(case.body))
        if place != HOME and not case.anywhere:
            continue
        if place != HOME:
            body["kubernetes"]["targetRef"]["namespace"] = place
        found.append({"name": name, **body, **NO_APPROVAL})
    return found


@pytest.fixture(scope="module")
def stages(cluster: Cluster) -> Iterator[dict[str, Stage]]:
    with admin_client(cluster) as client:
        yield {place: set_stage(client, place) for place in PLACES}


@pytest.fixture(scope="module")
def team(stages: dict[str, Stage], operator: OperatorProcess) -> Team:
    for stage in stages.values():
        _furnish(stage)
    home = stages[HOME]
    home.allow("ana", "runbooks", ["run"])
    home.allow("ana", "runbookruns", ["get", "create"])
    home.allow(DEFAULT_OPERATOR_USER, "serviceaccounts/token", ["create"], group="")
    made = Team(home)
    for account, granted in ACCOUNTS.items():
        made.make("serviceaccounts", "v1", {"metadata": {"name": account}})
        for place, resource, verbs, name in granted:
            group, _, plural = resource.partition("/")
            user = f"system:serviceaccount:{HOME}:{account}"
            stages[place].allow(user, plural, verbs, group, name or None)
    return made


def _furnish(stage: Stage) -> None:
    team, rbac = Team(stage), "rbac.authorization.k8s.io/v1"
    team.make("deployments", "apps/v1", {"metadata": {"name": "checkout"}, "spec": DEPLOYMENT})
    team.make("secrets", "v1", {"metadata": {"name": "pager"}, "stringData": {"key": "value"}})
    for name in ("settings", "old"):
        team.make("configmaps", "v1", {"metadata": {"name": name}, "data": {"a": "b"}})
    team.make("roles", rbac, {"metadata": {"name": "small"}, "rules": []})


@pytest.fixture(scope="module")
def plans(team: Team) -> dict[tuple[str, str], Json]:
    """The plan of each account in each namespace, by its steps; all are asked for before any is awaited."""
    scope = {"namespaces": [OTHER]}
    for account in ACCOUNTS:
        for place in PLACES:
            spec = {"title": "All", "serviceAccountName": account, "scope": scope, "steps": steps(place)}
            name = f"{account}-{place}"
            assert team.admin.create("runbooks", spec, name=name).succeeded
            run = {"runbookRef": {"name": name}, "requestedBy": "ana", "dryRun": True}
            answer = team.stage.person("ana").create("runbookruns", run, name=name)
            assert answer.succeeded, answer.message
    return {
        (account, place): {each["name"]: each for each in team.ended(f"{account}-{place}")["plan"]["steps"]}
        for account in ACCOUNTS
        for place in PLACES
    }


def allowed(rights: Rights, account: str, place: str, case: Case) -> bool:
    """Whether the account itself holds all that a step takes, and the runbook may be about the namespace."""
    who = Who(f"system:serviceaccount:{HOME}:{account}")
    where = place if case.anywhere else HOME
    held = all(rights.hold(who, each, "" if each.resource == "nodes" else where) for each in case.rights)
    return held and place != UNLISTED


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_step_is_refused_where_its_account_is_and_nowhere_else(
    team: Team, plans: dict[tuple[str, str], Json], account: str, place: str
):
    mine, wrong = Rights(team.admin.client), []
    for name, planned in plans[account, place].items():
        denied = planned.get("denied", "")
        if (not denied) != allowed(mine, account, place, CASES[name]):
            wrong.append(f"{name}: {denied or 'foreseen as if it were allowed'}")
        elif place == UNLISTED:
            assert "is not in spec.scope.namespaces of the runbook" in denied
    assert wrong == []


def test_what_is_foreseen_changed_nothing(team: Team, plans: dict[tuple[str, str], Json]):
    assert plans
    assert team.thing("deployments", "checkout", "apps/v1")["metadata"]["generation"] == 1
    assert team.thing("configmaps", "old")["kind"] == "ConfigMap"


def test_what_one_account_may_is_done_and_what_it_may_not_is_not(
    team: Team, plans: dict[tuple[str, str], Json]
):
    mine = Rights(team.admin.client)
    done = {name for name in plans["writes", HOME] if allowed(mine, "writes", HOME, CASES[name])} - {"job"}
    for step in steps(HOME):
        if step["name"] != "job":
            team.run(f"does-{step['name']}", step, account="writes")
    for name in done:
        assert team.ended(f"does-{name}-1")["phase"] == "Succeeded"
    for name in set(plans["writes", HOME]) - done - {"job"}:
        assert "cannot" in team.blocked(f"does-{name}-1", "Denied")
    assert team.thing("secrets", "pager")["metadata"].get("annotations") is None
    assert team.thing("configmaps", "old")["code"] == 404


def test_the_matrix_is_large():
    assert sum(len(steps(place)) for place in PLACES) * len(ACCOUNTS) >= 120
