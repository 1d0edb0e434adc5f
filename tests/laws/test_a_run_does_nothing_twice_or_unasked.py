"""What must never happen to a run, whatever the runbook, the people and the outside do."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.runs.world import TARGET, World, deployment, lost, run, runbook, said
from watchbill.api.runbook_run_status import ENDED
from watchbill.core.cel import condition_problem
from watchbill.core.outcomes import Result
from watchbill.core.runs import approvals, finishing
from watchbill.core.runs.draft import RunDraft, step_of
from watchbill.core.runs.effects import ACTS, ActOn, AskPerson
from watchbill.core.steps.answers import answered
from watchbill.core.steps.contract import Request

Json = dict[str, Any]

# celpy raises the limit of recursion when it is loaded, which hypothesis minds within a test.
assert condition_problem("true") is None

VERIFY = {"within": "20s", "condition": "object.status.updatedReplicas == object.spec.replicas"}
BODIES: list[Json] = [
    {"kubernetes": {"targetRef": TARGET, "scale": {"replicas": 4}}},
    {"kubernetes": {"targetRef": TARGET, "patch": {"type": "Merge", "patch": "spec: {paused: true}"}}},
    {"kubernetes": {"targetRef": TARGET, "restart": {}}},
    {"kubernetes": {"targetRef": TARGET, "delete": {}}},
    {"job": {"image": "busybox"}},
    {"http": {"url": "https://example.com/"}},
    {"notify": {"text": "Hello.", "connectionRef": {"name": "chat"}}},
    {"runbook": {"runbookRef": {"name": "other"}}},
    {"manual": {"text": "Look."}},
    {"wait": {"duration": "5s"}},
    {"check": {"targetRef": TARGET, "condition": "object.spec.replicas > 2", "within": "10s"}},
]

STEPS = st.fixed_dictionaries(
    {"body": st.sampled_from(BODIES)},
    optional={
        "approval": st.sampled_from([{"count": 0}, {"count": 1, "expiresAfter": "1m"}]),
        "onFailure": st.sampled_from(["Stop", "Continue", "Undo"]),
        "retry": st.just({"limit": 2, "backoff": "1s"}),
        "verify": st.just({**VERIFY, "targetRef": TARGET}),
        "undo": st.just({"http": {"url": "https://example.com/undo"}}),
        "marks": st.just("Mitigated"),
    },
)
ANSWERS = st.sampled_from(["ok", "ok", "ok", "ok", "lost", 409, 422, 429, 500, 403])
ACTS_OF_PEOPLE = st.sampled_from(["approve", "approve as ana", "reject", "done", "cancel", "pause", "go on"])
PLANS = st.tuples(
    st.lists(STEPS, min_size=1, max_size=4),
    st.lists(ANSWERS, max_size=40),
    st.lists(ACTS_OF_PEOPLE, max_size=8),
    st.sets(st.integers(min_value=0, max_value=40), max_size=2),
)


class Watched(World):
    """A world in which every effect is held against the laws as it is performed."""

    def perform(self, effect):
        self.obey(effect)
        outcome = super().perform(effect)
        if isinstance(effect, ACTS):
            self.acts = [*getattr(self, "acts", []), (effect, outcome)]
        return outcome

    def obey(self, effect) -> None:
        acts = getattr(self, "acts", [])
        if isinstance(effect, ACTS):
            unknown = [o for e, o in acts if o.result.result == Result.UNKNOWN]
            assert unknown == [], "something is done after what nobody can tell"
            assert "Unknown" not in self.phases().values()
            step = next(each for each in self.status.steps if each.name == effect.step)
            assert step.claim is not None, "something is done that was not claimed"
            assert self.pause == "" or step.claim.time < self.now, "something is begun during a pause"
            key = [(type(e), e.step, e.attempt) for e, _ in acts]
            assert (type(effect), effect.step, effect.attempt) not in key, "something is done twice"
        if isinstance(effect, ActOn):
            body = step_of(RunDraft(self.observed(), self.now, self.status), effect.step)
            others = {user for user in step_status(self, effect.step).approved_by if user != "ana"}
            assert len(others) >= approvals.needed(body), "something is done without its approvals"


def step_status(world: World, name: str):
    return next(each for each in world.status.steps if each.name == name)


def played(plan) -> tuple[World, list[Json]]:
    """The world after the plan, and every status that was written in it."""
    steps, answers, people, deaths = plan
    typed = [
        {"name": f"s-{n}", "timeout": "30s", **each["body"], **{k: v for k, v in each.items() if k != "body"}}
        for n, each in enumerate(steps)
    ]
    made = Watched(runbook(*typed, timeout="5m"), run())
    made.put(deployment())
    made.dies_at = set(deaths)
    left = iter(answers)

    def fault(request: Request):
        answer: Any = next(left, "ok") if not request.is_read else "ok"
        if answer == "lost":
            return lost(request)
        return None if answer == "ok" else answered(request, answer, said(f"HTTP {answer}"))

    made.fault = fault
    written: list[Json] = []
    for act in [*people, "go on", "go on"]:
        people_act(made, act)
        for _ in range(4):
            made.play(timedelta(seconds=20))
            written.append(made.status.to_json())
    made.pause = ""
    made.play(timedelta(hours=30))
    written.append(made.status.to_json())
    return made, written


def people_act(made: World, act: str) -> None:
    if made.status.phase in ENDED:
        return
    match act:
        case "approve" | "reject" | "approve as ana" if made.status.plan is not None:
            made.approve(
                "ana" if "ana" in act else "bo", decision="Rejected" if act == "reject" else "Approved"
            )
        case "done":
            made.says(manualDone={"cy": {"steps": [each.name for each in made.status.steps] or ["s-0"]}})
        case "cancel":
            made.says(cancelledBy={"cy": {}})
        case "pause":
            made.pause = "hold on"
        case "go on":
            made.pause = ""


@given(PLANS)
def test_a_run_obeys_the_laws(plan):
    """Nothing follows what nobody can tell; nothing acts unclaimed, twice or without its approvals."""
    made, written = played(plan)
    asks_where_nobody_can_tell(made)
    ends_or_says_why_not(made, written)
    never_changes_what_has_ended_or_was_pinned(made, written)


def asks_where_nobody_can_tell(made: World) -> None:
    unknown = [each for each in made.status.steps if each.phase in ("Unknown", "UndoFailed")]
    asked = [each for each in made.effects if isinstance(each, AskPerson)]
    assert bool(asked) == bool(unknown)


def ends_or_says_why_not(made: World, written: list[Json]) -> None:
    assert made.status.phase in ENDED
    assert made.status.phase == "Succeeded" or made.status.stopped_message
    for each in written:
        waits = each.get("phase") == "Blocked"
        assert not waits or (each["blockedReason"] and each["blockedMessage"])


def never_changes_what_has_ended_or_was_pinned(made: World, written: list[Json]) -> None:
    ended = [each for each in written if each.get("phase") in ENDED]
    assert all(each == ended[0] for each in ended)
    pinned = [each["snapshot"] for each in written if "snapshot" in each]
    assert all(each == pinned[0] for each in pinned)
    assert len(json.dumps(made.status.to_json())) < 450 * 1024


@pytest.mark.parametrize("act", ["approve", "approve as ana"])
def test_the_laws_can_be_broken(act, monkeypatch):
    """With approvals that count for anybody, the law of approvals is seen to break."""
    monkeypatch.setattr(approvals, "is_approved", lambda draft, step: True)
    with pytest.raises(AssertionError, match="without its approvals"):
        played(([{"body": BODIES[0]}], [], [act], set()))


def test_a_run_that_goes_on_after_what_nobody_can_tell_is_caught(monkeypatch):
    monkeypatch.setattr(
        finishing, "unknown", lambda draft, name, message: finishing.failed(draft, name, "X", message)
    )
    steps = [{"body": BODIES[0], "approval": {"count": 0}, "onFailure": "Continue"}] * 2
    with pytest.raises(AssertionError, match="after what nobody can tell"):
        played((steps, ["lost"], [], set()))


def test_what_a_process_did_that_died_is_not_done_again():
    steps = [{"body": BODIES[5], "approval": {"count": 0}}]
    made, _ = played((steps, [], [], {3}))
    assert [each.step for each in made.effects if isinstance(each, ActOn)] == ["s-0"]
    assert len(made.written) == 1
    assert made.phases() == {"s-0": "Unknown"}
