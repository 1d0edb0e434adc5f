"""`kubectl watchbill runbook`: what is shown, what is written, and what is not approved."""

import json
from typing import Any

import pytest

from tests.support.plugin_world import World, book, run
from watchbill.cli.plugin import options, runbook_say
from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.runs import MILD, progress_line, risk_of
from watchbill.core.steps.registry import STEP_KINDS

HASH, OTHER = "sha256:4f1c0d9be2a7", "sha256:aaaaaaaaaaaa"
STEPS: Any = [
    {
        "name": "scale",
        "risk": "High",
        "approvals": 1,
        "summary": "scale Deployment web",
        "diff": "spec.replicas: 2 -> 8\nspec.paused: true -> false",
        "undo": "by hand",
    },
    {"name": "flush", "risk": "Low", "denied": 'User "responder" cannot patch'},
]
PLAN: Any = {"hash": HASH, "steps": STEPS}
DRAWN = f"""\
run run-1 of runbook roll-back, revision 3: plan {HASH}
1/2 scale  High, 1 must approve
    scale Deployment web
      spec.replicas: 2 -> 8
      spec.paused: true -> false
    undo: by hand
2/2 flush  Low
    REFUSED: User "responder" cannot patch
"""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person reads the answer, and is there to be asked."""
    monkeypatch.setattr(options, "on_terminal", lambda: True)
    monkeypatch.setattr(runbook_say, "can_be_asked", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")


def planned(plan: Any = PLAN, spec: Any = None, **status: Any) -> Any:
    waiting = {"phase": "AwaitingApproval", "snapshot": {"revision": 3}, "plan": plan}
    return run("run-1", spec, **(waiting | status))


def made(world: World) -> list[Any]:
    """The runs that are there."""
    return [each for key, each in world.objects().items() if key.startswith("runbookruns.")]


class TestList:
    def test_of_a_program_has_the_last_run_of_each(self, world: World):
        old, new = run("run-1", phase="Failed"), run("run-2", phase="Succeeded")
        new["metadata"]["creationTimestamp"] = "2026-03-09T04:00:00Z"
        world.has(book("roll-back"), book("other", {"name": "w", "wait": {}}, start="Auto"), old, new)
        told = json.loads(world.types("runbook", "list").stdout)["runbooks"]
        assert [(each["name"], each["start"], each["risk"]) for each in told] == [
            ("roll-back", "Manual", "High"),
            ("other", "Auto", "ReadOnly"),
        ]
        assert [each["lastRun"] and each["lastRun"]["phase"] for each in told] == ["Succeeded", None]
        assert told[0]["ready"]["status"] == "True"

    def test_for_a_person_is_a_table_with_what_is_not_ready(self, world: World, terminal):
        world.has(book("roll-back", ready="False", title="Roll\x1b[2J back"), run("run-1", phase="Failed"))
        lines = world.types("runbook", "list").stdout.splitlines()
        assert lines[0].split() == ["NAME", "START", "RISK", "READY", "LAST", "RUN", "TITLE"]
        assert lines[1].split()[:6] == [
            "roll-back",
            "Manual",
            "High",
            "Valid",
            "Failed",
            "2026-03-09T03:00:00Z",
        ]
        assert lines[2] == "Runbook shop/roll-back: look at step 1"
        assert "\x1b" not in "".join(lines)

    def test_for_a_person_says_what_is_suspended_and_how_it_is_resumed(self, world: World, terminal):
        one = book("roll-back")
        (ready,) = one["status"]["conditions"]
        ready |= {"reason": "Suspended", "message": "suspended: to resume it: kubectl patch"}
        world.has(one)
        lines = world.types("runbook", "list").stdout.splitlines()
        assert lines[1].split()[3] == "Suspended"
        assert lines[2] == "Runbook shop/roll-back: suspended: to resume it: kubectl patch"

    def test_shows_runbooks_to_who_may_not_look_at_runs(self, world: World):
        world.has(book("roll-back"))
        world.fails(get=["", "Forbidden"])
        assert json.loads(world.types("runbook", "list").stdout)["runbooks"][0]["lastRun"] is None

    @pytest.mark.parametrize("kind", [*STEP_KINDS, "telepathy"])
    def test_knows_the_risk_of_each_kind_as_the_operator_does(self, kind: str):
        known = STEP_KINDS.get(kind)
        expected = known.risk if known is not None else "High"
        assert risk_of(book("x", {"name": "act", kind: {}})) == expected
        assert risk_of(book("x", {"name": "act", kind: {}, "risk": "High"})) == "High"
        assert expected == "High" or kind in MILD


class TestRun:
    def test_is_requested_in_the_own_name_and_says_what_is_next(self, world: World):
        world.has(book("roll-back"))
        words = ("-p", "deployment=web", "-p", "note=a=b", "--incident", "x", "-m", "5xx", "-n", "shop")
        said = world.types("runbook", "run", "roll-back", *words)
        (one,) = made(world)
        assert one["spec"] == {
            "runbookRef": {"name": "roll-back"},
            "requestedBy": "ana",
            "parameters": {"deployment": "web", "note": "a=b"},
            "incidentRef": {"name": "x"},
            "reason": "5xx",
        }
        name = one["metadata"]["name"]
        assert said.stdout == (
            f"runbookrun.watchbill.dev/{name} requested by ana\n"
            f"next: kubectl watchbill runbook plan {name} --namespace=shop\n"
        )

    def test_that_goes_on_is_not_requested_twice_and_one_that_has_ended_is(self, world: World):
        world.has(book("roll-back"))
        world.types("runbook", "run", "roll-back")
        again = world.types("runbook", "run", "roll-back")
        assert (again.exit_code, "(no change)" in again.stdout) == (0, True)
        (one,) = made(world)
        world.has(one | {"status": {"phase": "Failed"}})
        assert "requested by ana" in world.types("runbook", "run", "roll-back").stdout
        assert len({each["metadata"]["name"] for each in made(world)}) == 2

    def test_with_another_parameter_is_another(self, world: World):
        world.has(book("roll-back"))
        for value in ("1", "2"):
            world.types("runbook", "run", "roll-back", "-p", f"n={value}")
        assert len(made(world)) == 2

    def test_needs_to_see_neither_the_runbook_nor_runs(self, world: World):
        world.fails(get=["Forbidden", "Forbidden"])
        assert world.types("runbook", "run", "roll-back").exit_code == 0
        assert len(made(world)) == 1

    def test_of_a_long_name_has_a_name_that_an_object_can_have(self, world: World):
        world.has(book("r" * 200))
        world.types("runbook", "run", "r" * 200)
        assert len(made(world)[0]["metadata"]["name"]) <= 63

    def test_of_a_runbook_that_is_not_there_is_not_requested(self, world: World):
        assert world.types("runbook", "run", "gone").exit_code == ExitCode.NOT_FOUND
        assert world.objects() == {}

    @pytest.mark.parametrize("word", ["deployment", "=web"])
    def test_with_a_parameter_that_is_no_pair_asks_nobody(self, world: World, word: str):
        assert world.types("runbook", "run", "roll-back", "-p", word).exit_code == 2
        assert not [each for each in world.calls("create")]

    @pytest.mark.parametrize(("phase", "code"), [("Succeeded", 0), ("Failed", ExitCode.REFUSED)])
    def test_is_waited_for_and_says_how_far_it_is(self, world: World, phase: str, code: int):
        waits = [{"type": "Approved", "status": "False", "message": "step scale has 0 of 1 approvals"}]
        world.has(book("roll-back"))
        world.shows(
            run(),
            planned(progress="0/2", conditions=waits),
            run(phase=phase, progress="2/2", stoppedMessage="" if phase == "Succeeded" else "step scale: no"),
        )
        said = world.types("runbook", "run", "roll-back", "--wait")
        lines = said.stdout.splitlines()[1:]
        assert lines[:2] == ["Pending", "AwaitingApproval 0/2: step scale has 0 of 1 approvals"]
        assert lines[2].startswith("next, by somebody else: kubectl watchbill runbook approve roll-back-")
        assert lines[3] == ("Succeeded 2/2" if code == 0 else "Failed 2/2: step scale: no")
        assert said.exit_code == code


def test_progress_names_what_holds_a_run_up_and_which_step_is_under_way():
    assert progress_line(
        run(phase="Blocked", progress="1/2", blockedReason="Locked", blockedMessage="wait")
    ) == ("Blocked 1/2: Locked: wait")
    steps = [{"name": "a", "phase": "Succeeded"}, {"name": "b", "phase": "Following"}, {"name": "c"}]
    assert (
        progress_line(run(phase="Running", progress="1/3", steps=steps)) == "Running 1/3: step b is Following"
    )


class TestPlan:
    def test_for_a_person_shows_each_change_and_each_refusal(self, world: World, terminal):
        world.has(planned())
        said = world.types("runbook", "plan", "run-1", "-n", "shop")
        assert said.stdout == (
            f"{DRAWN}next, by somebody else: kubectl watchbill runbook approve run-1 --plan={HASH} "
            "--namespace=shop\n"
        )
        assert said.exit_code == ExitCode.REFUSED

    def test_for_a_program_is_the_plan(self, world: World):
        world.has(planned({"hash": HASH, "steps": STEPS[:1]}))
        said = world.types("runbook", "plan", "run-1")
        told = json.loads(said.stdout)
        assert (said.exit_code, told["run"], told["plan"]["hash"]) == (0, "run-1", HASH)

    def test_of_a_runbook_is_that_of_a_dry_run(self, world: World, terminal):
        world.has(book("roll-back"))
        world.becomes({}, {}, {"phase": "Succeeded", "plan": {"hash": HASH, "steps": STEPS[:1]}})
        said = world.types("runbook", "plan", "roll-back", "-p", "who=it is", "--incident", "x")
        (one,) = made(world)
        assert (one["spec"]["dryRun"], one["spec"]["requestedBy"]) == (True, "ana")
        assert said.stdout.splitlines()[-1] == (
            "next: kubectl watchbill runbook run roll-back '--param=who=it is' --incident=x"
        )
        assert said.exit_code == 0

    def test_is_of_a_run_rather_than_a_runbook_of_that_name_unless_said(self, world: World):
        both = planned()
        both["metadata"]["name"] = "roll-back"
        world.has(book("roll-back"), both)
        assert json.loads(world.types("runbook", "plan", "roll-back").stdout)["plan"]["hash"] == HASH
        world.types("runbook", "plan", "runbook/roll-back", "--wait", "0")
        assert [each["spec"].get("dryRun") for each in made(world)] == [None, True]
        assert world.types("runbook", "plan", "runbookrun/gone").exit_code == ExitCode.NOT_FOUND

    def test_that_is_not_made_says_why(self, world: World):
        world.has(run(phase="Blocked", blockedReason="AccountForbidden", blockedMessage="let it: kubectl x"))
        said = world.types("runbook", "plan", "run-1")
        assert said.exit_code == ExitCode.REFUSED
        assert said.stderr == "run run-1: AccountForbidden: let it: kubectl x\n"

    def test_of_a_text_that_would_steer_the_terminal_is_plain(self, world: World, terminal):
        step = {"name": "act", "summary": "\x1b[2Jgone", "diff": "a: 1 -> \x1b[31m2"}
        world.has(planned({"hash": HASH, "steps": [step]}))
        assert "\x1b" not in world.types("runbook", "plan", "run-1").stdout


class TestApprove:
    def test_shows_what_is_approved_asks_and_binds_to_that(self, world: World, terminal):
        world.has(planned())
        said = world.types("runbook", "approve", "run-1", "-m", "seen", answers="y\n")
        assert said.stdout.startswith(DRAWN)
        line = f"runbookrun.watchbill.dev/run-1 approved by ana: every step of plan {HASH}\n"
        assert said.stdout.endswith(line)
        assert "Approve every step?" in said.stderr
        entry = {"planHash": HASH, "decision": "Approved", "note": "seen"}
        assert world.object("run-1", "runbookruns")["spec"]["approvals"] == {"ana": entry}

    def test_that_is_not_confirmed_writes_nothing(self, world: World, terminal):
        world.has(planned())
        assert world.types("runbook", "approve", "run-1", answers="n\n").exit_code == 1
        assert world.calls("patch") == []

    def test_with_nobody_to_ask_takes_the_plan_that_was_seen(self, world: World):
        world.has(planned())
        assert world.types("runbook", "approve", "run-1").exit_code == 2
        assert world.types("runbook", "approve", "run-1", "--plan", HASH, "--step", "scale").exit_code == 0
        assert world.object("run-1", "runbookruns")["spec"]["approvals"]["ana"]["steps"] == ["scale"]

    def test_of_another_plan_than_the_one_that_was_seen_is_refused(self, world: World):
        world.has(planned())
        said = world.types("runbook", "approve", "run-1", "--plan", OTHER)
        assert (said.exit_code, world.calls("patch")) == (ExitCode.REFUSED, [])
        assert f"the plan has changed since it was shown: it is {HASH} now" in said.stderr
        assert "kubectl watchbill runbook plan run-1" in said.stderr

    def test_of_a_plan_that_changes_while_a_person_reads_is_refused(self, world: World, terminal):
        world.has(planned())
        status = planned()["status"]
        world.becomes(status, status | {"plan": {"hash": OTHER, "steps": STEPS}})
        said = world.types("runbook", "approve", "run-1", answers="y\n")
        assert (said.exit_code, world.calls("patch")) == (ExitCode.REFUSED, [])
        assert f"it is {OTHER} now" in said.stderr

    def test_of_a_plan_that_changes_while_it_is_written_is_refused(self, world: World):
        world.has(planned())
        status = planned()["status"]
        world.becomes(status, status, status | {"plan": {"hash": OTHER, "steps": STEPS}})
        world.fails(patch=["Conflict"])
        assert world.types("runbook", "approve", "run-1", "--plan", HASH).exit_code == ExitCode.REFUSED
        assert "approvals" not in world.object("run-1", "runbookruns")["spec"]

    def test_is_tried_again_where_only_the_progress_has_changed(self, world: World):
        world.has(planned())
        world.fails(patch=["Conflict"])
        assert world.types("runbook", "approve", "run-1", "--plan", HASH).exit_code == 0

    def test_of_a_step_that_the_plan_has_not_asks_nobody(self, world: World):
        world.has(planned())
        assert world.types("runbook", "approve", "run-1", "--plan", HASH, "--step", "sale").exit_code == 2

    @pytest.mark.parametrize("word", ["approve", "reject"])
    def test_of_what_has_ended_or_has_no_plan_is_refused(self, world: World, word: str):
        world.has(planned(phase="Failed"))
        said = world.types("runbook", word, "run-1", "--plan", HASH)
        assert (said.exit_code, said.stderr) == (1, "run run-1 has ended: it is Failed\n")
        world.has(run("run-1", phase="Pending"))
        said = world.types("runbook", word, "run-1", "--plan", HASH)
        assert (said.exit_code, said.stderr) == (1, "run run-1: it has no plan yet: it is Pending\n")

    @pytest.mark.parametrize(("word", "said"), [("approve", "Approved"), ("reject", "Rejected")])
    def test_is_said_once_and_may_be_said_otherwise(self, world: World, word: str, said: str):
        other = {"planHash": OTHER, "decision": "Approved", "steps": ["scale"], "note": "old"}
        world.has(planned(spec={"approvals": {"ana": other}}))
        for _ in range(2):
            last = world.types("runbook", word, "run-1", "--plan", HASH)
        assert "(no change)" in last.stdout
        assert world.object("run-1", "runbookruns")["spec"]["approvals"]["ana"] == {
            "planHash": HASH,
            "decision": said,
        }
        assert len(world.calls("patch")) == 1


class TestCancel:
    def test_is_said_once_under_the_own_name(self, world: World):
        world.has(planned(spec={"cancelledBy": {"bo": {}}}))
        first = world.types("runbook", "cancel", "run-1", "-m", "too late")
        assert first.stdout == "runbookrun.watchbill.dev/run-1 called off by ana\n"
        assert "(no change)" in world.types("runbook", "cancel", "run-1").stdout
        assert world.object("run-1", "runbookruns")["spec"]["cancelledBy"] == {
            "bo": {},
            "ana": {"reason": "too late"},
        }

    def test_of_what_has_ended_changes_nothing(self, world: World):
        world.has(planned(phase="Undone"))
        assert world.types("runbook", "cancel", "run-1").stdout == (
            "runbookrun.watchbill.dev/run-1 (no change): it is Undone\n"
        )


@pytest.mark.parametrize("word", ["approve", "reject", "cancel"])
def test_what_the_server_refuses_is_told_in_its_words(world: World, word: str):
    world.has(planned())
    world.fails(patch=["Forbidden"])
    said = world.types("runbook", word, "run-1", *([] if word == "cancel" else ["--plan", HASH]))
    assert said.exit_code == ExitCode.FORBIDDEN
    assert "(Forbidden)" in said.stderr


def test_an_object_is_printed_as_asked(world: World):
    world.has(book("roll-back"), planned())
    assert (
        world.types("runbook", "cancel", "run-1", "-o", "name").stdout == "runbookruns.watchbill.dev/run-1\n"
    )
    made_ = json.loads(world.types("runbook", "run", "roll-back", "-o", "json").stdout)
    assert made_["kind"] == "RunbookRun"
