"""People act with nothing but kubectl, by the commands that are published.

No operator runs here.
"""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.support.acceptance import person
from tests.support.kubectl import Kubectl
from tests.support.people import Json, Stage, admin_client, set_stage

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

INCIDENT: Json = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
ACTS: tuple[tuple[list[str], str, object], ...] = (
    (["raise"], "severity", "SEV-1"),
    (["acknowledge", "on it"], "acknowledgedBy", {"ana": {"note": "on it"}}),
    (["withdraw"], "acknowledgedBy", {}),
    (["acknowledge", "it's mine"], "acknowledgedBy", {"ana": {"note": "it's mine"}}),
    (["escalate", "nobody answers"], "escalation", {"request": {"reason": "nobody answers"}}),
    (
        ["escalate", "still nobody", "secondary"],
        "escalation",
        {"request": {"reason": "still nobody", "toLevel": "secondary"}},
    ),
    (["mitigate", "traffic is shifted"], "state", "Mitigated"),
    (["resolve", "rolled back"], "state", "Resolved"),
    (["reopen", "back again"], "state", "Open"),
    (["cancel"], "state", "Cancelled"),
)


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "people-and-kubectl")
        stage.grant("ana", "watchbill-responder")
        stage.grant("bo", "watchbill-declarer")
        for user in ("ana", "bo"):
            stage.wait_for(user, "incidents", "declare")
        yield stage


def test_people_act_with_the_published_commands(kubectl: Kubectl, stage: Stage) -> None:
    made = stage.person("bo").create("incidents", {**INCIDENT, "severity": "SEV-1"}, name="checkout-500s")
    assert made.succeeded, made.message

    def act(*words: str) -> Json:
        person(kubectl, "ana", *words, NS=stage.namespace)
        return dict(stage.admin.ask("GET", stage.admin.path("incidents", "checkout-500s")).body["spec"])

    for words, field, value in ACTS:
        assert act(*words)[field] == value, words
    spec = act("update", "It was 'a false alarm'.")
    assert spec["setBy"] == {"declaration": "bo", "escalation": "ana", "state": "ana"}
    assert spec["stateReason"] == "false alarm"
    updates = stage.admin.ask("GET", stage.admin.path("incidentupdates")).body["items"]
    said = [each["spec"] for each in updates if each["spec"]["text"] == "It was 'a false alarm'."]
    assert [each["by"] for each in said] == ["ana"]
