"""What the roles that every cluster has grant of our kinds, once its own controller has aggregated them."""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.waiting import wait_until
from tests.support.people import Json, Stage, admin_client, set_stage
from watchbill.api.group import GROUP
from watchbill.api.kinds import KINDS

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.convention(33),
    pytest.mark.parametrize("controllers", [("clusterrole-aggregation",)], indirect=True),
]

RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
AGGREGATED_SECONDS = 20.0

ALL = tuple(kind.plural for kind in KINDS)
LOOK = {"get", "list", "watch"}
WRITE = {"create", "update", "patch", "delete", "deletecollection"}
LOOKS = dict.fromkeys(ALL, LOOK)
DECLARED = dict.fromkeys(
    ("incidents", "incidentupdates", "runbookruns"), LOOK | {"delete", "deletecollection"}
)
OWNED = dict.fromkeys(("escalationpolicies", "connections", "runbooks"), LOOK | WRITE)

GRANTS: dict[str, dict[str, set[str]]] = {
    "view": LOOKS,
    "edit": LOOKS,
    "admin": LOOKS | DECLARED | OWNED,
    "watchbill-responder": {
        "incidents": LOOK | {"create", "update", "patch", "declare", "acknowledge", "escalate", "resolve"},
        "incidentupdates": LOOK | {"create"},
        "runbooks": LOOK | {"run"},
        "runbookruns": LOOK | {"create", "patch"},
        "escalationpolicies": LOOK,
        "connections": LOOK,
    },
}
"""For each role what it grants of our kinds, and nothing beside it; no admin acts for people by it."""


@pytest.fixture(scope="module")
def stage(cluster: Cluster, controllers: None) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        yield set_stage(client, "aggregation")


@pytest.mark.parametrize("role", GRANTS)
def test_a_role_of_the_cluster_grants_what_fits_it_and_nothing_else(stage: Stage, role: str):
    user = f"{role}-holder"
    stage.grant(user, role)
    found: dict[str, set[str]] = {}

    def complaint() -> str | None:
        found.clear()
        found.update(granted(stage, user))
        return None if found == GRANTS[role] else f"{role} grants {found}"

    wait_until(complaint, AGGREGATED_SECONDS)


def granted(stage: Stage, user: str) -> dict[str, set[str]]:
    """The verbs that a person has on each of our kinds, as `kubectl auth can-i --list` asks for them."""
    answer = stage.person(user).ask("POST", RULES, {"spec": {"namespace": stage.namespace}})
    assert answer.succeeded, answer.message
    rules: list[Json] = answer.body["status"]["resourceRules"]
    found: dict[str, set[str]] = {}
    for rule in rules:
        if {GROUP, "*"} & set(rule.get("apiGroups", ())):
            for resource in rule["resources"]:
                found.setdefault(resource, set()).update(rule["verbs"])
    return found
