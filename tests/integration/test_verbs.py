"""Which person may do what to an Incident: every act by every kind of person, and no act in a false name.

No operator runs here: the API server alone says yes or no. Acts are dry runs, which it judges like any other
and does not keep, so that many of them can share an incident.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dev.client import Answer
from dev.cluster import Cluster
from tests.support.people import DRY_RUN, Json, Stage, admin_client, operator_at_work, set_stage
from watchbill.api.group import DEFAULT_OPERATOR_USER

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]

EVERY_VERB = {"declare", "acknowledge", "escalate", "resolve"}
NATIVE = ["get", "create", "patch"]
ME = "<me>"
"""Stands for the name of whoever acts."""


@dataclass(frozen=True)
class Persona:
    """A kind of person: their name, and the verbs that they hold; `patches` is RBAC's own."""

    user: str
    holds: frozenset[str]
    patches: bool = True


VIEWER = Persona("viewer", frozenset(), patches=False)
RESPONDER = Persona("ana", frozenset(EVERY_VERB))
CLUSTER_ADMIN = Persona("root", frozenset(EVERY_VERB))
OPERATOR = Persona(DEFAULT_OPERATOR_USER, frozenset(EVERY_VERB))
PERSONAS = {
    "a viewer": VIEWER,
    "an editor without any verb": Persona("editor", frozenset()),
    "a holder of declare": Persona("declares", frozenset({"declare"})),
    "a holder of acknowledge": Persona("acknowledges", frozenset({"acknowledge"})),
    "a holder of escalate": Persona("escalates", frozenset({"escalate"})),
    "a holder of resolve": Persona("resolves", frozenset({"resolve"})),
    "a declarer by the example role": Persona("cy", frozenset({"declare"})),
    "a responder by the example role": RESPONDER,
    "a cluster-admin": CLUSTER_ADMIN,
    "the operator for a chat user": OPERATOR,
}


@dataclass(frozen=True)
class Act:
    """What is patched, the verb that it takes, and what the incident was like before."""

    spec: Json
    verb: str
    before: Json = field(default_factory=dict)


MITIGATED = {"state": "Mitigated", "stateReason": "traffic is shifted"}
RESOLVED = {"state": "Resolved", "stateReason": "rolled back"}
ACTS = {
    "corrects the title": Act({"title": "Checkout is slow"}, "declare"),
    "adds a summary": Act({"summary": "since the last release"}, "declare"),
    "raises the severity": Act({"severity": "SEV-1"}, "declare"),
    "says what else is affected": Act(
        {"affected": [{"service": "checkout"}, {"service": "cart"}]}, "declare"
    ),
    "says that nothing is affected": Act({"affected": None}, "declare"),
    "names a commander": Act({"roles": {"commander": "bo"}}, "declare"),
    "reopens": Act({"state": "Open", "stateReason": "back again"}, "declare", RESOLVED),
    "takes the state back": Act({"state": None, "stateReason": None}, "declare", MITIGATED),
    "acknowledges": Act({"acknowledgedBy": {ME: {"note": "mine"}}}, "acknowledge"),
    "changes a note": Act(
        {"acknowledgedBy": {ME: {"note": "still mine"}}},
        "acknowledge",
        {"acknowledgedBy": {ME: {"note": "mine"}}},
    ),
    "withdraws": Act({"acknowledgedBy": {ME: None}}, "acknowledge", {"acknowledgedBy": {ME: {}}}),
    "escalates": Act({"escalation": {"request": {"reason": "nobody answers"}}}, "escalate"),
    "snoozes": Act({"escalation": {"snoozeUntilTime": "2030-01-01T00:00:00Z"}}, "escalate"),
    "adopts the policy": Act({"escalation": {"adoptPolicy": True}}, "escalate"),
    "mitigates": Act(MITIGATED, "resolve"),
    "resolves": Act(RESOLVED, "resolve"),
    "cancels": Act({"state": "Cancelled", "stateReason": "false alarm"}, "resolve"),
    "gives another reason": Act({"stateReason": "the cache is warm"}, "resolve", MITIGATED),
}
AUTHORED: dict[str, Json] = {
    "severity": {"severity": "SEV-1"},
    "state": MITIGATED,
    "escalation": {"escalation": {"request": {"reason": "nobody answers"}}},
    "roles": {"roles": {"commander": "bo"}},
}
"""For each author in `setBy`, an act of theirs."""


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "persons-and-verbs")
        stage.grant(VIEWER.user, "watchbill-viewer")
        stage.grant(RESPONDER.user, "watchbill-responder")
        stage.grant("cy", "watchbill-declarer")
        stage.grant(CLUSTER_ADMIN.user, "cluster-admin")
        stage.allow("editor", "incidents", NATIVE)
        for user in ("declares", "acknowledges", "escalates", "resolves"):
            stage.allow(user, "incidents", [*NATIVE, user.removesuffix("s")])
        stage.allow(OPERATOR.user, "incidents", NATIVE)
        stage.wait_for(VIEWER.user, "incidents", "list")
        for user in (RESPONDER.user, CLUSTER_ADMIN.user, "cy"):
            stage.wait_for(user, "incidents", "declare")
        yield stage


def as_person(value: Any, user: str) -> Any:
    """The value with the person's own name in place of `ME`."""
    if isinstance(value, dict):
        return {user if k == ME else k: as_person(each, user) for k, each in value.items()}
    return value


@pytest.fixture(scope="module")
def incident(stage: Stage) -> Callable[[Json, str], Json]:
    """An incident that somebody else declared and worked on in this way, made when it is first asked for."""
    found: dict[str, Json] = {}

    def worked_on(before: Json, user: str) -> Json:
        past = as_person(before, user)
        key = json.dumps(past, sort_keys=True)
        if key not in found:
            spec = {"title": "Checkout fails", "severity": "SEV-2", "affected": [{"service": "checkout"}]}
            made = stage.admin.create("incidents", spec)
            if past:
                name = made.body["metadata"]["name"]
                made = stage.person(OPERATOR.user).patch("incidents", name, past)
            assert made.succeeded, made.message
            found[key] = made.body
        return found[key]

    return worked_on


def tried(stage: Stage, user: str, incident: Json, spec: Json) -> Answer:
    """What the API server says to a person who would patch the incident so."""
    path = stage.admin.path("incidents", incident["metadata"]["name"])
    return stage.person(user).ask("PATCH", f"{path}?{DRY_RUN}", {"spec": spec})


def merged(spec: Json, patch: Json) -> Json:
    """The spec after an RFC 7386 patch."""
    found = dict(spec)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key, {}), value) if isinstance(value, dict) else value
    return found


def test_no_operator_works_while_the_api_server_decides(stage):
    assert operator_at_work(stage.admin) is None


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("persona", PERSONAS)
def test_an_act_takes_its_verb_and_no_other(stage, incident, persona, act):
    who, what = PERSONAS[persona], ACTS[act]
    spec, it = as_person(what.spec, who.user), incident(what.before, who.user)
    answer = tried(stage, who.user, it, spec)
    if not who.patches:
        assert answer.status == 403
        assert f'User "{who.user}" cannot patch resource "incidents"' in answer.message
    elif what.verb not in who.holds:
        assert answer.status == 403
        refused = f"`{who.user}` needs the verb `{what.verb}` on incidents.watchbill.dev in namespace"
        assert refused in answer.message
        assert "ask for a RoleBinding to a role that grants it" in answer.message
    else:
        assert answer.succeeded, answer.message
        after = {k: v for k, v in answer.body["spec"].items() if k != "setBy"}
        assert after == {k: v for k, v in merged(it["spec"], spec).items() if k != "setBy"}


@pytest.mark.parametrize("author", AUTHORED)
@pytest.mark.parametrize("persona", ["a responder by the example role", "a cluster-admin"])
class TestAFalseName:
    def test_is_refused_beside_an_act(self, stage, incident, persona, author):
        user = PERSONAS[persona].user
        spec = {**AUTHORED[author], "setBy": {author: "bo"}}
        answer = tried(stage, user, incident({}, user), spec)
        assert answer.status == 403
        assert f"spec.setBy.{author} must name you, `{user}`" in answer.message
        assert f"with setBy: {{{author}: '{user}'}}" in answer.message

    def test_is_refused_without_an_act(self, stage, incident, persona, author):
        user = PERSONAS[persona].user
        answer = tried(stage, user, incident({}, user), {"setBy": {author: "bo"}})
        assert answer.status == 403
        assert f"spec.setBy.{author} must name you, `{user}`, and change only with" in answer.message

    def test_cannot_take_the_place_of_who_acted_before(self, stage, incident, persona, author):
        user = PERSONAS[persona].user
        theirs = incident({**AUTHORED[author], "setBy": {author: "bo"}}, user)
        for false in ("cy", None):
            answer = tried(stage, user, theirs, {"setBy": {author: false}})
            assert answer.status == 403
            assert f"spec.setBy.{author} must name you, `{user}`, and change only with" in answer.message


@pytest.mark.parametrize("persona", ["a responder by the example role", "a cluster-admin"])
class TestAnotherPersonsAcknowledgement:
    @pytest.mark.parametrize(
        ("before", "spec"),
        [
            ({}, {"acknowledgedBy": {"bo": {}}}),
            ({"acknowledgedBy": {"bo": {}}}, {"acknowledgedBy": {"bo": {"note": "or not"}}}),
            ({"acknowledgedBy": {"bo": {}}}, {"acknowledgedBy": {"bo": None}}),
            ({"acknowledgedBy": {"bo": {}}}, {"acknowledgedBy": None}),
            ({}, {"acknowledgedBy": {ME: {}, "bo": {}}}),
        ],
        ids=["is not made", "is not changed", "is not withdrawn", "is not swept away", "is not slipped in"],
    )
    def test_stays_theirs(self, stage, incident, persona, before, spec):
        user = PERSONAS[persona].user
        answer = tried(stage, user, incident(before, user), as_person(spec, user))
        assert answer.status == 403
        assert f"spec.acknowledgedBy: you are `{user}`: write that key, not `bo`" in answer.message


@pytest.mark.parametrize("author", AUTHORED)
def test_the_operator_names_the_chat_user_for_whom_it_writes(stage, incident, author):
    spec = {**AUTHORED[author], "setBy": {author: "bo"}, "acknowledgedBy": {"bo": {}}}
    answer = tried(stage, OPERATOR.user, incident({}, OPERATOR.user), spec)
    assert answer.succeeded, answer.message
    assert answer.body["spec"]["setBy"][author] == "bo"


@pytest.mark.parametrize("persona", [name for name, who in PERSONAS.items() if who.patches])
@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ({"mode": "Drill"}, "`mode` must not change: declare another incident"),
        ({"classRef": {"name": "service"}}, "`classRef` must not change"),
        ({"state": "Cancelled"}, "`stateReason` must be set when `state` is Cancelled"),
    ],
    ids=["the mode stays", "the class stays", "a cancellation needs a reason"],
)
def test_what_the_schema_forbids_no_verb_allows(stage, incident, persona, spec, refused):
    user = PERSONAS[persona].user
    answer = tried(stage, user, incident({}, user), spec)
    assert answer.status == 422
    assert refused in answer.message


ROLE_VERBS = {
    "acknowledge": ("incidents", "acknowledge"),
    "escalate": ("incidents", "escalate"),
    "declare": ("incidents", "declare"),
    "resolve": ("incidents", "resolve"),
    "communicate": ("incidentupdates", "create"),
    "run": ("runbooks", "run"),
    "approve": ("incidentupdates", "approve"),
}


@pytest.mark.parametrize("word", ROLE_VERBS)
def test_a_word_is_an_ordinary_verb_of_a_role(stage, word):
    resource, verb = ROLE_VERBS[word]
    user = f"bo-{word}"
    assert not stage.may(user, resource, verb)
    stage.allow(user, resource, [verb])
    assert stage.may(user, resource, verb)
