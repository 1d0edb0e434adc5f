"""The acceptance manifests, verbatim, against the operator under its own identity and role."""

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from dev.layout import REPOSITORY
from dev.operator_process import OperatorProcess
from dev.receiver import Receiver
from tests.support.acceptance import person
from tests.support.kubectl import Kubectl
from tests.support.manifests import text as manifest
from tests.support.people import Person
from tests.support.team import Object, Team, condition
from tests.support.versions import moment_of, written_since

pytestmark = pytest.mark.cluster

INCIDENTS = "/apis/watchbill.dev/v1alpha1/namespaces/shop/incidents"
TYPES = {
    "Accepted",
    "Acknowledged",
    "Mitigated",
    "Resolved",
    "Closed",
    "EscalationExhausted",
    "UpdateOverdue",
    "Degraded",
}


class Shop:
    """The namespace shop, as people see it."""

    def __init__(self, kubectl: Kubectl, vendors: Receiver) -> None:
        self.kubectl = kubectl
        self.vendors = vendors

    def incident(self, name: str) -> Object:
        found: Object = json.loads(self.kubectl("-n", "shop", "get", "incident", name, "-o", "json").stdout)
        return found

    def wait(self, name: str, for_: str) -> None:
        answer = self.kubectl(
            "-n", "shop", "wait", f"--for={for_}", f"incident/{name}", "--timeout=15s", check=False
        )
        assert answer.returncode == 0, f"{answer.stderr}: {json.dumps(self.incident(name), indent=1)}"

    def declare(self, name: str, user: str = "ana") -> Object:
        text = manifest("incident-minimal.yaml").replace("name: checkout-500s", f"name: {name}")
        self.kubectl("create", "-f", "-", input=text, user=user)
        return self.incident(name)


@pytest.fixture(scope="module")
def vendors() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(scope="module")
def shop(kubectl: Kubectl, operator: OperatorProcess, vendors: Receiver) -> Shop:
    """What the platform and the team apply, and people with the responder's role."""
    for name in ("platform.yaml", "team.yaml"):
        kubectl("apply", "-f", "-", input=manifest(name, vendors.url))
    for role in sorted((REPOSITORY / "examples" / "roles").glob("*responder*.yaml")):
        kubectl("apply", "-f", str(role))
    for user in ("ana", "bo"):
        kubectl(
            "-n", "shop", "create", "rolebinding", user, "--clusterrole=watchbill-responder", f"--user={user}"
        )
    return Shop(kubectl, vendors)


@pytest.mark.feature("F04")
def test_four_lines_are_a_complete_declaration_and_page_the_right_person(shop: Shop):
    text = manifest("incident-minimal.yaml")
    spec = text[text.index("spec:") :].strip().splitlines()
    assert len(spec) == 5, "spec: and four lines"
    began = time.monotonic()
    shop.kubectl("create", "-f", "-", input=text, user="ana")
    uid = shop.incident("checkout-500s")["metadata"]["uid"]
    alert = shop.vendors.wait_for(
        lambda seen: next((a for a in seen.alerts if a.dedup_key.startswith(uid)), None), timeout=5
    )
    (page,) = [r for r in shop.vendors.requests_to("/v2/enqueue") if r.json["dedup_key"] == alert.dedup_key]
    assert page.json["routing_key"] == "R0UT1NGKEY0123456789ABCDEF012345"
    assert page.json["payload"]["severity"] == "critical"
    assert "Checkout returns 500 for every card payment" in page.json["payload"]["summary"]
    assert page.arrived - began < 2, "kubectl itself takes most of it"
    assert not [r for r in shop.vendors.requests if uid in r.body.decode() and r.path != "/v2/enqueue"]


def test_every_condition_is_there_after_the_first_reconcile(shop: Shop):
    shop.declare("conditions")
    shop.wait("conditions", "condition=Accepted")
    incident = shop.incident("conditions")
    assert {c["type"] for c in incident["status"]["conditions"]} == TYPES
    assert all(c["reason"] for c in incident["status"]["conditions"])


def test_what_people_do_with_kubectl_alone(shop: Shop):
    """people.sh, one act after the other, as people whose roles grant the verbs."""
    uid = shop.declare("story")["metadata"]["uid"]
    shop.wait("story", "jsonpath={.status.phase}=Triggered")

    def say(user: str, *act: str) -> None:
        person(shop.kubectl, user, *act, I="story")

    say("ana", "acknowledge", "on it")
    shop.wait("story", "condition=Acknowledged")
    key = next(a.dedup_key for a in shop.vendors.alerts if a.dedup_key.startswith(uid))
    shop.vendors.wait_for(
        lambda seen: [a for a in seen.alerts if (a.dedup_key, a.state) == (key, "acknowledged")]
    )
    say("ana", "withdraw")
    shop.wait("story", "condition=Acknowledged=False")
    say("bo", "acknowledge")
    shop.wait("story", "condition=Acknowledged")
    say("bo", "update", "we are rolling back; ETA 10 minutes")
    shop.wait("story", "jsonpath={.status.updates.count}=1")
    say("bo", "escalate", "need the database people")
    shop.wait("story", "jsonpath={.status.escalation.level}=secondary")
    say("ana", "raise")
    say("ana", "mitigate")
    shop.wait("story", "condition=Mitigated")
    say("ana", "resolve")
    shop.wait("story", "condition=Resolved")
    shop.vendors.wait_for(
        lambda seen: all(a.state == "resolved" for a in seen.alerts if a.dedup_key.startswith(uid))
    )
    say("ana", "reopen", "it is back")
    shop.wait("story", "jsonpath={.status.phase}=Triggered")
    say("ana", "cancel")
    shop.wait("story", "condition=Closed")
    assert shop.incident("story")["status"]["phase"] == "Cancelled"
    actors = {(e["kind"], e["actor"]) for e in shop.incident("story")["status"]["timeline"]}
    assert {("Acknowledged", "ana"), ("AcknowledgementWithdrawn", "ana"), ("Escalated", "bo")} <= actors
    assert ("Mitigated", "ana") in actors


def test_a_lifecycle_costs_three_status_writes_and_one_event_for_each_transition(
    shop: Shop, administrator: httpx.Client
):
    before = moment_of(shop.kubectl, "shop")
    uid = shop.declare("counted")["metadata"]["uid"]
    shop.wait("counted", "jsonpath={.status.pages[0].state}=Accepted")
    person(shop.kubectl, "ana", "acknowledge", I="counted")
    shop.wait("counted", "jsonpath={.status.pages[0].hops[0].closing.state}=Done")
    person(shop.kubectl, "ana", "resolve", I="counted")
    shop.wait("counted", "jsonpath={.status.pages[0].hops[0].closing.action}=Resolve")
    shop.vendors.wait_for(
        lambda seen: [a for a in seen.alerts if a.dedup_key.startswith(uid) and a.state == "resolved"]
    )
    versions = written_since(shop.kubectl, "shop", before, "counted")
    of_people = {version["metadata"]["generation"] for version in versions}
    assert of_people == {1, 2, 3}, "the declaration, an acknowledgement and a resolution"
    assert len(versions) - len(of_people) == 3, [
        version.get("status", {}).get("phase") for version in versions
    ]
    events = Person(administrator, "shop").told_of("counted", "Acknowledged", "Resolved", "Triggered")
    assert sorted(e["reason"] for e in events) == ["Acknowledged", "Resolved", "Triggered"]
    assert all(e.get("count", 1) == 1 for e in events)


def test_the_operator_was_refused_nothing_and_wrote_no_spec(shop: Shop, operator: OperatorProcess):
    refused = re.findall(r'watchbill_kube_requests_total\{code="403".*', operator.http("/metrics"))
    assert refused == []
    managers = json.loads(
        shop.kubectl("-n", "shop", "get", "incidents", "-o", "json", "--show-managed-fields").stdout
    )["items"]
    own = [
        f for i in managers for f in i["metadata"]["managedFields"] if f["manager"].startswith("watchbill")
    ]
    assert own, "it wrote statuses"
    assert all(f.get("subresource") == "status" for f in own)


def test_kubectl_get_shows_what_matters(shop: Shop):
    shop.declare("columns")
    shop.wait("columns", "jsonpath={.status.phase}=Triggered")
    header, row = shop.kubectl("-n", "shop", "get", "inc", "columns").stdout.splitlines()
    assert header.split() == ["NAME", "SEVERITY", "PHASE", "COMMANDER", "NEXT", "AGE"]
    assert row.split()[:3] == ["columns", "SEV-1", "Triggered"]


def test_incidents_of_two_namespaces_do_not_disturb_each_other(shop: Shop, team: Team):
    team.policy(("first", "1m", [{"connectionRef": {"name": "pagerduty"}}]))
    team.severities()
    own = team.declare("checkout-500s")
    team.wait_for_phase("Triggered", "checkout-500s")
    shop.declare("neighbour")
    shop.wait("neighbour", "jsonpath={.status.phase}=Triggered")
    team.acknowledge("checkout-500s")
    team.wait_for_phase("Acknowledged", "checkout-500s")
    assert condition(shop.incident("neighbour"), "Acknowledged")["status"] == "False"
    mine = {a.dedup_key.partition("/")[0] for a in team.receiver.alerts}
    assert mine == {own["metadata"]["uid"]}
