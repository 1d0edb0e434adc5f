"""Who may do what with runbooks and runs: every persona, act and namespace, asked of a real API server.

An act passes only where the persona holds each right that it stands for, as a SubjectAccessReview says; who
those are is written out too, so that a policy and its oracle cannot be wrong together. All requests are dry
runs, and no operator runs here.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from dev.client import Answer
from dev.cluster import Cluster
from tests.support.people import Json, Person, Stage, admin_client, set_stage
from tests.support.rights import Right, Rights, Who
from watchbill.api.group import API_VERSION, DEFAULT_OPERATOR_USER

pytestmark = pytest.mark.cluster

HOME, NEIGHBOR = "matrix-home", "matrix-neighbor"
PLACES = (HOME, NEIGHBOR)
HASH = "sha256:4f1c0d9be2a7"
BOT = f"system:serviceaccount:{HOME}:bot"
ACCOUNT = f"system:serviceaccount:{HOME}:incident-responder"

PEOPLE = {
    "viewer": Who("viewer"),
    "responder": Who("responder"),
    "group member": Who("gil", ("on-call",)),
    "approver": Who("approver"),
    "requester in capitals": Who("ANA"),
    "both": Who("both"),
    "team admin": Who("team-admin"),
    "owner": Who("owner"),
    "owner of another account": Who("other-owner"),
    "writer without run": Who("writer"),
    "runner of another book": Who("other-runner"),
    "holder of every verb": Who("wild"),
    "neighbor's admin": Who("neighbor"),
    "approving account": Who(BOT),
    "runbook's account": Who(ACCOUNT),
    "account without rights": Who(f"system:serviceaccount:{HOME}:default"),
    "stranger": Who("stranger"),
    "anonymous": Who("system:anonymous"),
    "operator": Who(DEFAULT_OPERATOR_USER),
}
ROLES = {
    "viewer": "watchbill-viewer",
    "responder": "watchbill-responder",
    "approver": "watchbill-approver",
    "ANA": "watchbill-approver",
    "team-admin": "watchbill-team-admin",
    "owner": "watchbill-team-admin",
    "other-owner": "watchbill-team-admin",
    BOT: "watchbill-approver",
}
LOCAL = "neighbor's admin"
HOMES = {LOCAL: NEIGHBOR}
"""Whose rights are not in the namespace of the others."""
RUNNERS = {"responder", "group member", "both", "holder of every verb", "runbook's account", LOCAL}
APPROVERS = {"approver", "both", "holder of every verb", LOCAL}


class Act(NamedTuple):
    """A request, and who may make it in the namespace where their rights are."""

    method: str
    plural: str
    name: str
    body: Json
    rights: tuple[Right, ...]
    """What of RBAC it stands for."""
    may: frozenset[str] = frozenset()


def book(account: str, **spec: object) -> Json:
    return {"title": "Wait", "serviceAccountName": account, "steps": WAIT, **spec}


def run(name: str = "book", **spec: object) -> Json:
    return {"runbookRef": {"name": name}, **spec}


WAIT = [{"name": "first", "wait": {"duration": "1s"}}]
RUN, APPROVE = (Right(verb, "runbooks", "book") for verb in ("run", "approve"))
TOKEN, OTHER_TOKEN = (
    Right("create", "serviceaccounts/token", name, "") for name in ("incident-responder", "powerful")
)
CREATE, PATCH = Right("create", "runbookruns"), Right("patch", "runbookruns", "waiting")
WRITE, REWRITE = Right("create", "runbooks"), Right("patch", "runbooks", "book")
STATUS = Right("patch", "runbookruns/status", "waiting")
SNAPSHOT: Json = {"uid": "u", "revision": 1, "hash": HASH, "account": "incident-responder", "content": "{}"}
SAYS_ME = "@ME@"


def acts() -> Iterator[tuple[str, Act]]:
    """Every act by its name."""
    requested = {"requestedBy": SAYS_ME}
    yield "run", Act("POST", "runbookruns", "", run(**requested), (CREATE, RUN), frozenset(RUNNERS))
    yield (
        "dry run",
        Act("POST", "runbookruns", "", run(dryRun=True, **requested), (CREATE, RUN), frozenset(RUNNERS)),
    )
    yield "run as ana", Act("POST", "runbookruns", "", run(requestedBy="ana"), (CREATE, RUN))
    approved: Json = {"approvals": {SAYS_ME: {"planHash": HASH}}}
    yield (
        "run approved",
        Act("POST", "runbookruns", "", run(**requested, **approved), (CREATE, RUN, APPROVE)),
    )
    below = run(**requested, parentRef={"name": "waiting"})
    yield "run below", Act("POST", "runbookruns", "", below, (CREATE, RUN), frozenset(RUNNERS))
    yield "approve", Act("PATCH", "runbookruns", "waiting", approved, (PATCH, APPROVE), frozenset(APPROVERS))
    rejected = {"approvals": {SAYS_ME: {"planHash": HASH, "decision": "Rejected"}}}
    may_reject = frozenset(APPROVERS | {"approving account", "requester in capitals"})
    yield "reject", Act("PATCH", "runbookruns", "waiting", rejected, (PATCH, APPROVE), may_reject)
    forged = {"approvals": {"bo": {"planHash": HASH}}}
    yield "approve as bo", Act("PATCH", "runbookruns", "waiting", forged, (PATCH, APPROVE))
    own = {"approvals": {"ana": {"planHash": HASH}}}
    yield "approve as ana", Act("PATCH", "runbookruns", "waiting", own, (PATCH, APPROVE))
    withdrawn = {"approvals": {"bo": None}}
    yield "withdraw bo's", Act("PATCH", "runbookruns", "approved", withdrawn, (PATCH, APPROVE))
    done = {"manualDone": {SAYS_ME: {"steps": ["first"]}}}
    may_say = RUNNERS - {"runbook's account"}
    yield "say done", Act("PATCH", "runbookruns", "waiting", done, (PATCH, RUN), frozenset(may_say))
    off: Json = {"cancelledBy": {SAYS_ME: {}}}
    may_cancel = frozenset(may_say | may_reject)
    yield "call off", Act("PATCH", "runbookruns", "waiting", off, (PATCH,), may_cancel)
    called: Json = {"cancelledBy": {"bo": {}}}
    yield "call off as bo", Act("PATCH", "runbookruns", "waiting", called, (PATCH, RUN))
    for field, value in (
        ("parameters", {"a": "b"}),
        ("runbookRef", {"name": "other"}),
        ("requestedBy", SAYS_ME),
        ("dryRun", True),
    ):
        changed = Act("PATCH", "runbookruns", "waiting", {field: value}, (PATCH, RUN, APPROVE))
        yield f"change {field}", changed
    forger = {"snapshot": SNAPSHOT, "phase": "Running"}
    yield (
        "write status",
        Act("PATCH", "runbookruns/status", "waiting", forger, (STATUS, TOKEN), frozenset({"operator"})),
    )
    deleters = frozenset({"team admin", "owner", "owner of another account", "holder of every verb", LOCAL})
    delete = Right("delete", "runbookruns", "waiting")
    yield "delete a run", Act("DELETE", "runbookruns", "waiting", {}, (delete,), deleters)
    mine = frozenset({"owner", LOCAL})
    yield "write a book", Act("POST", "runbooks", "", book("incident-responder"), (WRITE, TOKEN), mine)
    other = frozenset({"owner of another account", LOCAL})
    yield "write a stronger book", Act("POST", "runbooks", "", book("powerful"), (WRITE, OTHER_TOKEN), other)
    title = {"title": "Else"}
    yield "change a book", Act("PATCH", "runbooks", "book", title, (REWRITE, TOKEN), mine)
    swapped = {"serviceAccountName": "powerful"}
    yield "swap the account", Act("PATCH", "runbooks", "book", swapped, (REWRITE, OTHER_TOKEN), other)
    spec = {"expirationSeconds": 600}
    token = Act("POST", "serviceaccounts/token", "incident-responder", spec, (TOKEN,), mine)
    yield "take a token", token


ACTS: Mapping[str, Act] = dict(acts())


@pytest.fixture(scope="module")
def rights(cluster: Cluster) -> Iterator[Rights]:
    with admin_client(cluster) as client:
        home = set_stage(client, HOME)
        neighbor = set_stage(client, NEIGHBOR)
        for stage in (home, neighbor):
            _furnish(stage)
        _cast(home)
        neighbor.grant("neighbor", "admin")
        neighbor.grant("neighbor", "watchbill-team-admin")
        for verbs in (["run", "approve"], ["create", "patch"]):
            neighbor.allow("neighbor", "runbooks" if "run" in verbs else "runbookruns", verbs)
        # The role `admin` holds it too, but only once a cluster's own controller has aggregated it.
        neighbor.allow("neighbor", "serviceaccounts/token", ["create"], group="")
        yield Rights(client)


def _furnish(stage: Stage) -> None:
    """Two accounts, a runbook, and two runs that ana requested, of which bo has approved one."""
    for name in ("incident-responder", "powerful", "bot"):
        made = stage.admin.ask(
            "POST", stage.admin.path("serviceaccounts", version="v1"), {"metadata": {"name": name}}
        )
        assert made.succeeded, made.message
    assert stage.admin.create("runbooks", book("incident-responder"), name="book").succeeded
    for user, verbs in (("ana", ["run"]), ("bo", ["approve"])):
        stage.allow(user, "runbooks", verbs)
        stage.allow(user, "runbookruns", ["create", "patch"])
    for name in ("waiting", "approved"):
        made = stage.person("ana").create("runbookruns", run(requestedBy="ana"), name=name)
        assert made.succeeded, made.message
    approval = {"approvals": {"bo": {"planHash": HASH}}}
    assert stage.person("bo").patch("runbookruns", "approved", approval).succeeded


def _cast(home: Stage) -> None:
    """Each persona's rights."""
    for user, role in ROLES.items():
        home.grant(user, role)
    home.grant("on-call", "watchbill-responder", subject="Group")
    for role in ("watchbill-responder", "watchbill-approver"):
        home.grant("both", role)
    home.allow("owner", "serviceaccounts/token", ["create"], group="", name="incident-responder")
    home.allow("other-owner", "serviceaccounts/token", ["create"], group="", name="powerful")
    home.allow("writer", "runbookruns", ["get", "create", "patch"])
    home.allow("other-runner", "runbookruns", ["get", "create", "patch"])
    home.allow("other-runner", "runbooks", ["run", "approve"], name="other")
    home.allow("wild", "*", ["*"])
    home.allow(ACCOUNT, "runbookruns", ["get", "create"])
    home.allow(ACCOUNT, "runbooks", ["run"])


def attempt(rights: Rights, who: Who, act: Act, place: str) -> Answer:
    """What the API server says to a dry run of the act."""
    person = Person(rights.client, place, who.user, who.groups)
    plural, _, subresource = act.plural.partition("/")
    version = "v1" if plural == "serviceaccounts" else API_VERSION
    path = person.path(plural, act.name, version) + (f"/{subresource}" if subresource else "")
    part = "status" if subresource == "status" else "spec"
    body: Json = {part: _as(act.body, who.user)}
    if act.method == "POST" and not act.name:
        kind = "RunbookRun" if plural == "runbookruns" else "Runbook"
        body |= {"apiVersion": API_VERSION, "kind": kind, "metadata": {"generateName": "case-"}}
    return person.ask(act.method, f"{path}?dryRun=All", None if act.method == "DELETE" else body)


def _as(part: Json, user: str) -> Json:
    """The body with the user's name where it says `me`."""
    swap = {SAYS_ME: user}
    return {
        swap.get(key, key): _as(value, user) if isinstance(value, dict) else swap.get(str(value), value)
        for key, value in part.items()
    }


@pytest.mark.feature("F41")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("who", PEOPLE)
def test_a_persona_does_what_each_right_of_theirs_allows_and_nothing_else(
    rights: Rights, who: str, place: str
):
    persona, is_at_home = PEOPLE[who], place == HOMES.get(who, HOME) or who == "operator"
    wrong = []
    for name, act in ACTS.items():
        answer = attempt(rights, persona, act, place)
        assert answer.succeeded or answer.status in (401, 403, 422), answer.message
        if answer.succeeded != (is_at_home and who in act.may):
            wrong.append(f"{name}: {answer.status} {answer.message}")
        elif answer.succeeded and who != "operator":
            lacking = [each for each in act.rights if not rights.hold(persona, each, place)]
            wrong += [f"{name}: passes without {lacking}"] if lacking else []
    assert wrong == []


def test_the_matrix_is_large():
    assert len(ACTS) * len(PEOPLE) * len(PLACES) >= 800
