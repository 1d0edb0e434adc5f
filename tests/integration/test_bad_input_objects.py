"""Objects and namespaces that go, that come back under their name, or that are fought over."""

import threading

import pytest

from dev.operator_process import OperatorProcess
from dev.receiver import Reaction
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.shop import BACKUP, Shop, hop_of
from tests.support.team import ROUTING_KEY, condition
from watchbill.api.group import API_VERSION
from watchbill.shell.incidents import CLAIM_PATIENCE

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

STEPS = (("first", "2s", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))


def test_a_terminating_namespace_takes_no_incident_and_those_in_it_page_until_they_are_deleted(
    shop: Shop, other: Shop, operator: OperatorProcess
):
    shop.ladder("checkout", *STEPS)
    shop.declare()
    shop.receiver.wait_for(lambda _: shop.triggers)
    shop.terminate()
    answer = shop.admin.create("incidents", {"title": "Late", "severity": "SEV-1"}, name="late")
    refused = f"unable to create new content in namespace {shop.namespace} because it is being terminated"
    assert answer.status == 403
    assert answer.message == f'incidents.watchbill.dev "late" is forbidden: {refused}'

    other.ladder("checkout", *STEPS)
    other.declare()
    other.receiver.wait_for(lambda _: other.triggers, timeout=5)
    shop.receiver.wait_for(lambda _: len(shop.triggers) == 2, timeout=8)
    said = operator.wait_for_line("events may not be written; the rest is not affected", 5)
    assert refused in said["problem"]
    shop.acknowledge()
    shop.wait_for_alerts("acknowledged", "acknowledged")
    shop.wait_for_phase("Acknowledged")
    wait_until(lambda: None if "Triggered" in {e[1] for e in other.events()} else "no Event", 5)

    assert shop.delete("Incident", "checkout").succeeded, "an open one too, else the namespace would hang"
    shop.wait_for_alerts("resolved", "resolved")
    assert operator.exit_code is None


def test_a_namespace_that_is_deleted_while_it_pages_and_comes_back_is_another_one(
    shop: Shop, operator: OperatorProcess, kubectl: Kubectl
):
    shop.ladder("checkout", *STEPS)
    first = shop.declare()["metadata"]["uid"]
    (key,) = shop.receiver.wait_for(lambda _: shop.triggers)
    shop.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted")
    shop.terminate()
    # The controller deletes kind after kind in any order; the incident may well be the last.
    for kind, name in (
        ("Connection", "pagerduty"),
        ("Secret", "pagerduty"),
        ("EscalationPolicy", "checkout"),
    ):
        assert shop.delete(kind, name).succeeded
    assert shop.delete("Incident", "checkout").succeeded
    text = "a page of an incident that is gone stays open; close it by hand"
    wait_until(lambda: None if key in logged(operator, text) else "nothing is said of the open page", 5)
    shop.close()

    shop.admin.make_namespace()
    again = Shop(kubectl, shop.admin, shop.receiver)
    again.ladder("checkout", *STEPS)
    second = again.declare()["metadata"]["uid"]
    again.receiver.wait_for(lambda _: len(set(again.triggers)) == 2)
    assert [key.partition("/")[0] for key in dict.fromkeys(again.triggers)] == [first, second]
    again.wait_for_phase("Triggered")


MANY = 10
"""How many edits are many."""

PACE = 0.05
"""Seconds between two edits; no person and few controllers are faster."""


def logged(operator: OperatorProcess, message: str) -> set[str]:
    """The keys of which the operator has logged this."""
    return {line["key"] for line in operator.lines() if line.get("msg") == message}


def test_an_incident_that_comes_back_under_its_name_inherits_nothing_from_the_page_that_is_still_on_its_way(
    shop: Shop,
):
    shop.receiver.script(shop.at("backup"), Reaction(delay=2), times=1)
    shop.ladder("checkout", ("first", "5m", [target(BACKUP)]))
    first = shop.declare()["metadata"]["uid"]
    shop.receiver.wait_for(lambda r: r.requests_to(shop.at("backup")))
    shop.say("Cancelled", "a false alarm")
    assert shop.delete("Incident", "checkout").succeeded
    second = shop.declare()["metadata"]["uid"]
    shop.paged("checkout", shop.at("backup"))
    # What became of the first page is known once it has been told of the end.
    shop.receiver.wait_for(lambda _: hooked(shop, "resolve") == [first])
    assert hooked(shop, "trigger") == [first, second]
    hop = shop.wait_for(lambda i: (h := hop_of(i, BACKUP))["state"] == "Accepted" and h)
    assert (hop["key"].partition("/")[0], hop["attempts"]) == (second, 1)
    shop.say("Resolved", "it was one")
    shop.receiver.wait_for(lambda _: hooked(shop, "resolve") == [first, second])


def hooked(shop: Shop, action: str) -> list[str]:
    """The incidents of which the backup was told this, in order; of an end it may be told twice."""
    said = [request.json["data"] for request in shop.receiver.requests_to(shop.at("backup"))]
    found = [data["uid"] for data in said if data["action"] == action]
    return found if action == "trigger" else list(dict.fromkeys(found))


def test_what_an_incident_was_planned_with_may_go_and_come_back_under_its_name(shop: Shop):
    shop.ladder("checkout", *STEPS)
    shop.declare()
    (key,) = shop.receiver.wait_for(lambda _: shop.triggers)
    plan = shop.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted" and i)["status"]["policy"]
    for kind, name in (
        ("EscalationPolicy", "checkout"),
        ("IncidentClass", shop.class_of("checkout")),
        ("Connection", "pagerduty"),
        ("Secret", "pagerduty"),
    ):
        assert shop.delete(kind, name).succeeded
    shop.ladder("checkout", ("only", "5m", [target(BACKUP)]))
    shop.secret("pagerduty", routingKey=ROUTING_KEY)
    url, ref = shop.receiver.url, {"name": "pagerduty", "key": "routingKey"}
    shop.connection("pagerduty", pagerDuty={"routingKeySecretRef": ref, "baseURL": url})
    shop.receiver.wait_for(lambda _: len(shop.triggers) == 2)
    assert shop.incident()["status"]["policy"] == plan, "a running incident keeps its policy"
    assert not hooked(shop, "trigger")
    shop.acknowledge()
    shop.wait_for_alerts("acknowledged", "acknowledged")
    shop.say("Resolved", "rolled back")
    shop.wait_for_alerts("resolved", "resolved")
    assert key in shop.triggers


def test_an_edit_of_what_has_changed_meanwhile_is_refused_and_says_where(shop: Shop):
    shop.ladder("checkout", *STEPS)
    stale = shop.declare(mode="Drill")
    shop.patch(title="Checkout is slow")
    stale["spec"]["title"] = "Checkout is down"
    answer = shop.admin.ask("PUT", shop.admin.path("incidents", "checkout"), stale)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert answer.message == (
        'Operation cannot be fulfilled on incidents.watchbill.dev "checkout": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    mine = {"apiVersion": API_VERSION, "kind": "EscalationPolicy", "metadata": {"name": "checkout"}}
    mine["spec"] = {"lastResort": {"targets": [target("pagerduty")]}}
    answer = shop.apply_as("another", mine)
    assert answer.status == 409
    where = ".spec.lastResort.targets"
    assert answer.message == f'Apply failed with 1 conflict: conflict with "tests": {where}'


@pytest.mark.parametrize(("pace", "within"), [(PACE, 5), (0.0, CLAIM_PATIENCE.total_seconds() + 10)])
def test_who_edits_an_incident_without_end_keeps_no_page_from_going_out_once(
    shop: Shop, pace: float, within: float
):
    """At the speed of a loop that does nothing else a claim may not get through: then it goes without one."""
    shop.ladder("checkout", ("first", "5m", [target(BACKUP)]))
    shop.receiver.script(shop.at("backup"), Reaction(delay=0.5), times=1)
    shop.declare()
    ended = threading.Event()
    edits: list[str] = []

    def edit() -> None:
        while not ended.wait(pace):
            edits.append(f"{len(edits)} customers")
            shop.patch(summary=edits[-1])

    editing = threading.Thread(target=edit)
    editing.start()
    try:
        shop.paged("checkout", shop.at("backup"), within=within)
        if pace:
            shop.wait_for(lambda i: hop_of(i, BACKUP)["state"] == "Accepted")
        wait_until(lambda: None if len(edits) > MANY else "people are slow", 20)
    finally:
        ended.set()
        editing.join()
    shop.wait_for(lambda i: hop_of(i, BACKUP)["state"] == "Accepted")
    uid = shop.incident()["metadata"]["uid"]
    assert (shop.incident()["spec"]["summary"], hooked(shop, "trigger")) == (edits[-1], [uid])


def test_of_acts_that_contradict_each_other_each_is_recorded_and_a_late_one_changes_nothing(shop: Shop):
    shop.ladder("checkout", *STEPS)
    shop.declare()
    shop.wait_for_phase("Triggered")
    shop.say("Resolved", "rolled back")
    shop.wait_for_phase("Resolved")
    shop.say("Mitigated", "traffic is shifted")
    said = "admin said Mitigated, which changes nothing while Resolved"
    shop.wait_for(lambda i: said in [entry["text"] for entry in i["status"]["timeline"]])
    shop.patch(escalation={"request": {"reason": "too late"}}, setBy={"escalation": "admin"})
    said = "admin asked for a level, which changes nothing while Resolved and nobody is being paged"
    shop.wait_for(lambda i: said in [entry["text"] for entry in i["status"]["timeline"]])
    shop.say("Cancelled", "not even one")
    shop.wait_for(lambda i: condition(i, "Resolved").get("status") == "True")
    assert shop.incident()["status"]["phase"] == "Resolved"
