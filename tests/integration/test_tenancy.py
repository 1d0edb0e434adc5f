"""Two teams, each bound to its own namespace by the roles that ship: all of it at home, nothing next door.

No operator is needed for what the API server refuses; what is named across is judged by one that runs.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml

from dev.layout import REPOSITORY
from dev.receiver import Receiver
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.people import Json, Person, Stage
from tests.support.rights import Right, Rights, Who
from tests.support.team import Team
from watchbill.api.kinds import KINDS

pytestmark = pytest.mark.cluster

ROLES = sorted((REPOSITORY / "examples/roles").glob("*.yaml"))
NAMESPACED = [kind for kind in KINDS if kind.scope == "Namespaced"]
STANDARD = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


def rules() -> set[Right]:
    """Every right that the roles which ship give to a team, all of them together."""
    roles = [role for file in ROLES for role in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return {
        Right(verb, resource)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if resource != "incidentclasses"
    }


@dataclass(frozen=True)
class Teams:
    """Two teams; the lead of each holds every role that ships, Secrets and a token, in its own namespace."""

    shop: Team
    pay: Team

    def lead(self, team: Team, at: Team) -> Person:
        """The lead of a team, at work in a namespace."""
        return Person(self.shop.admin.client, at.namespace, f"lead-of-{team.namespace}")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(scope="module")
def teams(kubectl: Kubectl, administrator: httpx.Client, operator: Any, receiver: Receiver) -> Teams:
    made = []
    for name in ("tenancy-shop", "tenancy-pay"):
        admin = Person(administrator, name)
        admin.make_namespace()
        for file in ROLES:
            admin.apply(*yaml.safe_load_all(file.read_text(encoding="utf-8")))
        team, stage, lead = Team(kubectl, admin, receiver), Stage(admin), f"lead-of-{name}"
        for file in ROLES:
            stage.grant(lead, f"watchbill-{file.stem}")
        stage.allow(lead, "secrets", ["get", "list", "create", "patch", "delete"], group="")
        stage.allow(lead, "serviceaccounts/token", ["create"], group="", name="incident-responder")
        stage.wait_for(lead, "incidents", "resolve")
        team.policy(("one", "5m", [target("pagerduty")]))
        team.severities()
        made.append(team)
    return Teams(*made)


@pytest.mark.feature("F59")
@pytest.mark.convention(21)
def test_a_lead_holds_every_right_at_home_and_none_next_door(teams: Teams):
    held = Rights(teams.shop.admin.client)
    lead = Who(f"lead-of-{teams.shop.namespace}")
    given = rules()
    all_rights = {Right(verb, kind.plural) for kind in NAMESPACED for verb in STANDARD} | given
    all_rights |= {Right(verb, f"{kind.plural}/status") for kind in NAMESPACED for verb in ("get", "patch")}
    core = {
        Right(verb, resource, group="") for resource in ("secrets", "serviceaccounts") for verb in STANDARD
    }
    token = Right("create", "serviceaccounts/token", "incident-responder", group="")
    assert len(given) > 50
    home, away = teams.shop.namespace, teams.pay.namespace
    assert {right for right in all_rights if held.hold(lead, right, home)} == given
    assert {right for right in all_rights | core | {token} if held.hold(lead, right, away)} == set()
    assert {right for right in all_rights | core | {token} if held.hold(lead, right)} == set()


def requests(person: Person, plural: str, version: str) -> Iterator[tuple[str, str, Json | None]]:
    """A request of each verb on a resource, as kubectl makes them."""
    every, one = person.path(plural, version=version), person.path(plural, "pagerduty", version)
    yield "GET", every, None
    yield "GET", f"{every}?watch=true&timeoutSeconds=1", None
    yield "GET", one, None
    yield "POST", every, {"metadata": {"name": "mine"}}
    yield "PUT", one, {"metadata": {"name": "pagerduty"}}
    yield "PATCH", one, {"spec": {}}
    yield "DELETE", one, None
    yield "DELETE", every, None
    yield "PATCH", f"{one}/status", {"status": {}}


@pytest.mark.feature("F59")
@pytest.mark.convention(21)
def test_next_door_every_request_on_every_kind_is_forbidden(teams: Teams):
    lead = teams.lead(teams.shop, at=teams.pay)
    versions = {kind.plural: "watchbill.dev/v1alpha1" for kind in NAMESPACED}
    versions |= {"secrets": "v1", "serviceaccounts": "v1"}
    answers = [
        (method, path, lead.ask(method, path, body).status)
        for plural, version in versions.items()
        for method, path, body in requests(lead, plural, version)
    ]
    assert len(answers) == 9 * len(versions)
    assert [each for each in answers if each[2] != 403] == []


@pytest.mark.feature("F59")
def test_at_home_the_team_does_everything_for_its_incidents(teams: Teams):
    me, name = teams.lead(teams.shop, at=teams.shop), f"lead-of-{teams.shop.namespace}"
    me.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}, "stringData": {"url": "x"}})
    webhook = {"webhook": {"urlSecretRef": {"name": "own", "key": "url"}}}
    level = {"name": "one", "escalateAfter": "5m", "targets": [target("own")]}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "incident-responder"}}
    teams.shop.admin.apply(account)
    steps = [{"name": "first", "wait": {"duration": "1s"}}]
    book = {"title": "Wait", "serviceAccountName": "incident-responder", "steps": steps}
    update = {"incidentRef": {"name": "at-home"}, "audience": ["Internal"], "text": "Looking", "by": name}
    incident = {"title": "Checkout fails", "severity": "SEV-1", "setBy": {"declaration": name}}
    incident |= {"classRef": {"name": teams.shop.class_name}}
    answers = [
        me.create("connections", webhook, name="own"),
        me.create("escalationpolicies", {"levels": [level], "lastResort": level_of(level)}, name="own"),
        me.create("runbooks", book, name="own"),
        me.create("incidents", incident, name="at-home"),
        me.create("incidentupdates", update, name="at-home"),
        me.create("runbookruns", {"runbookRef": {"name": "own"}, "requestedBy": name}, name="at-home"),
        me.patch("incidents", "at-home", {"acknowledgedBy": {name: {}}}),
        me.patch("incidents", "at-home", escalating(name)),
        me.patch("incidents", "at-home", resolving(name)),
        me.delete("incidents", "at-home"),
        me.delete("runbooks", "own"),
        me.delete("escalationpolicies", "own"),
        me.delete("connections", "own"),
    ]
    assert [answer.message for answer in answers if not answer.succeeded] == []


def level_of(level: Json) -> Json:
    return {"targets": level["targets"]}


def escalating(name: str) -> Json:
    wish = {"request": {"reason": "help"}}
    return {"escalation": wish, "setBy": {"escalation": name}}


def resolving(name: str) -> Json:
    return {"state": "Resolved", "stateReason": "over", "setBy": {"state": name}}


@pytest.mark.feature("F59")
def test_who_may_not_use_an_account_or_a_secret_at_home_gains_neither_by_its_name_next_door(teams: Teams):
    """The namesakes of the neighbor are out of reach: names without a namespace mean what is at home."""
    me = teams.lead(teams.shop, at=teams.shop)
    steps = [{"name": "first", "wait": {"duration": "1s"}}]
    book = me.create("runbooks", {"title": "x", "serviceAccountName": "powerful", "steps": steps}, name="x")
    assert (book.status, "may not act as ServiceAccount `powerful`" in book.message) == (403, True)
    teams.pay.secret("theirs", url="https://example.com/")
    ref = {"urlSecretRef": {"name": "theirs", "key": "url"}}
    assert me.create("connections", {"webhook": ref}, name="theirs").succeeded
    ready = ready_of(teams.shop, "connections", "theirs", "SecretNotFound")
    assert f"Secret theirs is not in namespace {teams.shop.namespace}" in ready["message"]
    slashed = {"urlSecretRef": {"name": f"{teams.pay.namespace}/theirs", "key": "url"}}
    assert me.create("connections", {"webhook": slashed}, name="slashed").status == 422


def ready_of(team: Team, plural: str, name: str, reason: str) -> Json:
    """The condition Ready, once it gives this reason."""

    def conditions() -> list[Json]:
        found = team.admin.ask("GET", team.admin.path(plural, name)).body
        return list(found.get("status", {}).get("conditions", []))

    wait_until(
        lambda: None if [each for each in conditions() if each["reason"] == reason] else f"{conditions()}", 10
    )
    (ready,) = conditions()
    return ready


@pytest.mark.feature("F59")
@pytest.mark.convention(21)
def test_the_neighbors_connection_pages_once_it_is_granted_and_not_before(teams: Teams, receiver: Receiver):
    shop, pay = teams.shop, teams.pay
    path = f"/{pay.namespace}/theirs"
    hook = {"webhook": {"url": f"{receiver.url}{path}"}}
    pay.connection("theirs", **hook)
    shop.policy(("one", "5m", [{"connectionRef": {"name": "theirs", "namespace": pay.namespace}}]))
    todo = f"{pay.namespace}/theirs must exist and list {shop.namespace} in its spec.allowedNamespaces"
    assert todo in ready_of(shop, "escalationpolicies", "primary", "RefNotPermitted")["message"]
    shop.declare("before")
    found = shop.wait_for(
        lambda found: found if "Accepted" in json.dumps(found["status"]["pages"]) else None, "before"
    )
    assert f"connection {todo}" in json.dumps(found["status"]["timeline"])
    assert receiver.requests_to(path) == [], "its own last resort was paged, and not the neighbor"

    pay.connection("theirs", **hook, allowedNamespaces={"from": "Names", "names": [shop.namespace]})
    ready_of(shop, "escalationpolicies", "primary", "ResolvedRefs")
    shop.declare("after")
    receiver.wait_for(lambda seen: seen.requests_to(path) or None)
    (page,) = receiver.requests_to(path)
    assert page.json["data"]["action"] == "trigger"
    pay.connection("theirs", **hook)


@pytest.mark.feature("F59")
def test_nobody_but_the_operator_writes_what_an_incident_refers_to(teams: Teams):
    """Who holds every verb of the group at home would page next door by writing where a page stands."""
    teams.shop.declare("forged")
    stage = Stage(teams.shop.admin)
    stage.allow("wild", "*", ["*"])
    wild = Person(teams.shop.admin.client, teams.shop.namespace, "wild")
    hop = {"connection": "pagerduty", "namespace": teams.pay.namespace, "state": "Sending", "key": "k/1/1"}
    page = {"id": "p-1", "epoch": 1, "round": 1, "level": "one", "state": "Pending", "hops": [hop]}
    due = {"dueTime": "2026-03-09T03:00:00.000Z"}
    forgeries: list[Json] = [
        {"pages": [page | due]},
        {"policy": {"name": "primary", "namespace": teams.pay.namespace, "levels": []}},
        {"resources": {"channel": {"connection": "slack", "namespace": teams.pay.namespace}}},
        {"phase": "Closed"},
    ]
    for forged in forgeries:
        answer = wild.patch("incidents", "forged", forged, "status")
        assert (answer.status, "watchbill alone writes it" in answer.message) == (403, True), answer.message
    # Who may do so in the whole cluster, such as one who brings a backup back, passes.
    assert teams.shop.admin.patch("incidents", "forged", {}, "status").succeeded
    teams.shop.wait_for(lambda found: found["status"]["phase"] == "Triggered" or None, "forged")
