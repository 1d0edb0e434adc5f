"""What a run waits for on a real API server: approvals, the lock, limits, and the pause of all runs."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.people import Json, Stage
from tests.support.runbook_team import PATIENCE, TARGET, Team, furnished

pytestmark = pytest.mark.cluster

NAMESPACE = "runs-wait"
REST: Json = {"name": "rest", "wait": {"duration": "2s"}}
LOOK: Json = {"targetRef": TARGET, "condition": "object.metadata.name == 'cart'"}
RESTART: Json = {"name": "act", "kubernetes": {"targetRef": TARGET, "restart": {}}}


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    made = furnished(stage)
    stage.allow("cy", "runbooks", ["approve"])
    stage.allow("cy", "runbookruns", ["patch"])
    stage.allow("dee", "runbooks", ["run"])
    stage.allow("dee", "runbookruns", ["patch"])
    return made


def books(team: Team, name: str, *steps: Json, **spec: object) -> str:
    base = {"title": "Mitigate", "serviceAccountName": "incident-responder", "steps": list(steps)}
    made = team.admin.create("runbooks", base | spec, name=name)
    assert made.succeeded, made.message
    return name


def request(team: Team, book: str, number: int = 1) -> str:
    spec = {"runbookRef": {"name": book}, "requestedBy": "ana"}
    answer = team.stage.person("ana").create("runbookruns", spec, name=f"{book}-{number}")
    assert answer.succeeded, answer.message
    return f"{book}-{number}"


def becomes(team: Team, run: str, phase: str) -> Json:
    """The status of a run once it is in this phase."""
    wait_until(lambda: None if team.status(run).get("phase") == phase else str(team.status(run)), PATIENCE)
    return team.status(run)


def approves(team: Team, run: str, user: str) -> str:
    """What the server said of an approval by this person of the plan as it is; empty where it took it."""
    entry = {user: {"planHash": team.status(run)["plan"]["hash"]}}
    answer = team.stage.person(user).patch("runbookruns", run, {"approvals": entry})
    return "" if answer.succeeded else answer.message


def approved_by(team: Team, run: str, *users: str) -> None:
    """Returns once the operator has seen the approvals of just these."""
    wait_until(
        lambda: (
            None
            if {each["user"] for each in team.status(run).get("approvals", [])} == set(users)
            else str(team.status(run).get("approvals"))
        ),
        PATIENCE,
    )


def revision(team: Team) -> str:
    """What a restart of the Deployment changes."""
    return str(team.thing("deployments", "checkout", "apps/v1")["metadata"]["generation"])


@pytest.mark.feature("F45")
def test_a_high_step_waits_for_as_many_approvers_as_it_needs_and_the_requester_is_none(team: Team):
    run = request(team, books(team, "twice", RESTART | {"approval": {"count": 2}}))
    status, before = becomes(team, run, "AwaitingApproval"), revision(team)
    (step,) = status["plan"]["steps"]
    assert (step.get("risk", "High"), step["approvals"]) == ("High", 2)
    assert "needs the verb `approve`" in approves(team, run, "ana")
    assert "needs the verb `approve`" in approves(team, run, "dee")
    # Whoever holds every verb is not let in as the requester either.
    own = {"approvals": {"ana": {"planHash": status["plan"]["hash"]}}}
    assert team.admin.patch("runbookruns", run, own).status == 403
    forged = {"approvals": {"cy": {"planHash": status["plan"]["hash"]}}}
    assert "you are `bo`" in team.stage.person("bo").patch("runbookruns", run, forged).message
    assert approves(team, run, "bo") == ""
    approved_by(team, run, "bo")
    assert (team.status(run)["phase"], revision(team)) == ("AwaitingApproval", before)
    assert approves(team, run, "cy") == ""
    ended = team.ended(run)
    assert (ended["phase"], ended["steps"][0]["approvedBy"]) == ("Succeeded", ["bo", "cy"])
    assert revision(team) != before


@pytest.mark.feature("F45")
def test_a_high_step_of_which_nothing_is_said_waits_for_one(team: Team):
    run = request(team, books(team, "silent", RESTART))
    assert becomes(team, run, "AwaitingApproval")["plan"]["steps"][0]["approvals"] == 1
    assert approves(team, run, "bo") == ""
    assert team.ended(run)["phase"] == "Succeeded"


@pytest.mark.feature("F45")
def test_an_approval_expires_and_counts_no_more(team: Team):
    """Two steps, of which the second comes when the approval of both has expired."""
    rule = {"approval": {"count": 1, "expiresAfter": "4s"}}
    pause = {"name": "rest", "wait": {"duration": "6s"}}
    run = request(team, books(team, "stale", RESTART | rule, pause, RESTART | rule | {"name": "again"}))
    becomes(team, run, "AwaitingApproval")
    assert approves(team, run, "bo") == ""
    ended = team.ended(run)
    assert (ended["phase"], ended["stoppedReason"]) == ("Cancelled", "ApprovalExpired")
    assert [each.get("phase", "Pending") for each in ended["steps"]] == ["Succeeded", "Succeeded", "Pending"]


@pytest.mark.feature("F47")
def test_runs_on_one_lock_never_overlap(team: Team):
    safety = {"lockKey": "deployment/checkout"}
    names = [books(team, f"locked-{letter}", REST, safety=safety) for letter in "abc"]
    runs = [request(team, name) for name in names]
    assert "holds the lock deployment/checkout" in team.blocked(runs[-1], "Locked")
    ends = [team.ended(run) for run in runs]
    assert [each["phase"] for each in ends] == ["Succeeded"] * 3
    spans = sorted((moment(each["startedTime"]), moment(each["endedTime"])) for each in ends)
    assert all(end - start >= timedelta(seconds=2) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.feature("F47")
@pytest.mark.parametrize(
    ("reason", "safety", "step"),
    [
        ("Cooldown", {"cooldown": "1h"}, REST),
        ("HourlyCap", {"maxPerHour": 1}, REST),
        ("BreakerOpen", {"breaker": {"failures": 1, "for": "1h"}}, {"name": "look", "check": LOOK}),
    ],
)
def test_a_limit_blocks_the_next_run_with_its_reason(team: Team, reason: str, safety: Json, step: Json):
    book = books(team, reason.lower(), step, safety=safety)
    first = team.ended(request(team, book))
    assert first["phase"] == ("Failed" if reason == "BreakerOpen" else "Succeeded")
    second = request(team, book, 2)
    team.blocked(second, reason)
    assert (team.status(second)["phase"], team.status(second)["steps"][0].get("phase")) == ("Blocked", None)


@pytest.mark.feature("F47")
def test_one_pause_holds_all_runs_within_five_seconds(team: Team, kubectl: Kubectl):
    steps = [{"name": f"rest-{n}", "wait": {"duration": "2s"}} for n in range(8)]
    runs = [request(team, books(team, f"paused-{letter}", *steps)) for letter in "ab"]
    for run in runs:
        becomes(team, run, "Running")
    annotate = ("-n", "watchbill", "annotate", "lease", "watchbill", "--overwrite")
    kubectl(*annotate, "watchbill.dev/pause-runs=a release is under way")
    try:
        said = datetime.now(UTC)
        for run in runs:
            assert team.blocked(run, "Paused") == "all runs are paused: a release is under way"
            begun = [moment(s["startedTime"]) for s in team.status(run)["steps"] if "actedTime" in s]
            assert max(begun) <= said + timedelta(seconds=5)
    finally:
        kubectl(*annotate, "watchbill.dev/pause-runs-")
    assert [team.ended(run)["phase"] for run in runs] == ["Succeeded", "Succeeded"]
