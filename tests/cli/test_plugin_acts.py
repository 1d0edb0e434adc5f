"""The verbs of `kubectl watchbill`: what they write, when they write nothing, and how they fail."""

from datetime import UTC, datetime

import pytest

from tests.support.plugin_world import World, incident
from watchbill.cli.plugin.acting import TRIES
from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.names import COMMANDS, OFFLINE, RUNBOOK

ACTS = {
    "ack": (["ack", "x"], {"acknowledgedBy": {"ana": {}}}),
    "ack with a note": (["ack", "x", "-m", "on it"], {"acknowledgedBy": {"ana": {"note": "on it"}}}),
    "ack of one page": (["ack", "x", "--page", "p-1"], {"acknowledgedBy": {"ana": {"page": "p-1"}}}),
    "escalate": (
        ["escalate", "x", "-m", "help"],
        {"escalation": {"request": {"reason": "help"}}, "setBy": {"declaration": "bo", "escalation": "ana"}},
    ),
    "escalate to a level": (
        ["escalate", "x", "--to", "secondary", "-m", "help"],
        {"escalation": {"request": {"reason": "help", "toLevel": "secondary"}}},
    ),
    "severity": (
        ["severity", "x", "SEV-2"],
        {"severity": "SEV-2", "setBy": {"declaration": "bo", "severity": "ana"}},
    ),
    "mitigate": (["mitigate", "x", "-m", "shifted"], {"state": "Mitigated", "stateReason": "shifted"}),
    "resolve": (
        ["resolve", "x", "-m", "fixed"],
        {"state": "Resolved", "stateReason": "fixed", "setBy": {"declaration": "bo", "state": "ana"}},
    ),
    "cancel": (["cancel", "x"], {"state": "Cancelled", "stateReason": "false alarm"}),
}


@pytest.mark.parametrize(("words", "spec"), ACTS.values(), ids=ACTS)
def test_a_verb_writes_its_fields_and_their_author_and_once(world: World, words, spec):
    world.holds(x=incident())
    first = world.types(*words)
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("incident.watchbill.dev/x ")
    assert first.stdout.endswith(" by ana\n")
    assert world.object("x")["spec"].items() >= spec.items()
    again = world.types(*words)
    assert (again.exit_code, "(no change)" in again.stdout) == (0, True), again.output
    assert len(world.calls("patch")) == 1


def test_a_resolved_incident_is_reopened(world: World):
    world.holds(x=incident(phase="Resolved"))
    assert world.types("reopen", "x", "-m", "back").exit_code == 0
    assert world.object("x")["spec"]["state"] == "Open"


def test_a_conflict_is_tried_again_on_what_is_there_now(world: World):
    world.holds(x=incident())
    world.fails(patch=["Conflict", "Conflict"])
    assert world.types("ack", "x").exit_code == 0
    assert len(world.calls("patch")) == 3
    assert len(world.calls("get")) == 3
    assert world.object("x")["spec"]["acknowledgedBy"] == {"ana": {}}


def test_a_conflict_that_does_not_end_is_told(world: World):
    world.holds(x=incident())
    world.fails(patch=["Conflict"] * TRIES)
    said = world.types("ack", "x")
    assert said.exit_code == ExitCode.REFUSED
    assert "(Conflict)" in said.stderr
    assert len(world.calls("patch")) == TRIES


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("Forbidden", ExitCode.FORBIDDEN),
        ("Invalid", ExitCode.REFUSED),
        ("Unreachable", ExitCode.UNREACHABLE),
    ],
)
def test_a_failure_has_its_exit_code_and_says_what_kubectl_said(world: World, fault, code):
    world.holds(x=incident())
    world.fails(patch=[fault])
    said = world.types("ack", "x")
    assert said.exit_code == code
    assert said.stdout == ""
    assert said.stderr.strip()
    assert "Traceback" not in said.stderr


def test_an_incident_that_is_not_there_has_its_exit_code(world: World):
    said = world.types("ack", "x")
    assert (said.exit_code, said.stdout) == (ExitCode.NOT_FOUND, "")
    assert '"x" not found' in said.stderr


def test_without_kubectl_the_plugin_says_so(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(world.folder))
    said = world.types("ack", "x")
    assert said.exit_code == ExitCode.UNREACHABLE
    assert "kubectl cannot be run" in said.stderr


@pytest.mark.parametrize(
    "words", [["ack"], ["snooze", "x", "--for", "soon"], ["snooze", "x", "--for", "25h"]]
)
def test_a_usage_error_exits_2_and_asks_nobody(world: World, words):
    assert world.types(*words).exit_code == 2
    assert not (world.folder / "calls").exists()


def test_kubectls_flags_are_handed_on_with_every_call(world: World):
    world.holds(x=incident())
    world.types("ack", "x", "-n", "shop", "--context", "prod", "--kubeconfig", "/k")
    calls = world.calls("auth") + world.calls("get") + world.calls("patch")
    assert len(calls) == 3
    for call in calls:
        assert call[:3] == ["--namespace=shop", "--context=prod", "--kubeconfig=/k"]


ASKING = [command for command in COMMANDS if command not in (*OFFLINE, "runbook")]


@pytest.mark.parametrize("command", [*ASKING, *(f"runbook {name}" for name in RUNBOOK)])
def test_every_command_that_asks_a_cluster_takes_kubectls_flags(world: World, command):
    said = world.types(*command.split(), "--help").stdout
    for flag in ("-n, --namespace", "--context", "--kubeconfig", "-o, --output"):
        assert flag in said


def test_a_snooze_that_is_typed_twice_is_one(world: World):
    world.holds(x=incident(spec={"title": "t"}, observed=False))
    before = datetime.now(UTC)
    assert "snoozed until" in world.types("snooze", "x", "--for", "10m").stdout
    until = datetime.fromisoformat(world.object("x")["spec"]["escalation"]["snoozeUntilTime"])
    assert 590 <= (until - before).total_seconds() <= 660
    assert "(no change)" in world.types("snooze", "x", "--for", "10m").stdout


@pytest.mark.parametrize(
    ("output", "said"), [("name", "incidents.watchbill.dev/x\n"), ("wide", "printed as wide\n")]
)
def test_an_act_prints_the_object_as_asked(world: World, output, said):
    world.holds(x=incident())
    assert world.types("ack", "x", "-o", output).stdout == said


def test_an_update_is_posted_once_and_again_when_it_is_news(world: World):
    world.holds(x=incident())
    assert world.types("update", "x", "Still looking.").exit_code == 0
    (name,) = [key.split("/")[1] for key in world.objects() if key.startswith("incidentupdates")]
    spec = world.object(name, "incidentupdates")["spec"]
    assert (spec["by"], spec["audience"], spec["text"]) == ("ana", ["Internal"], "Still looking.")
    # By its time it lies years back: the same words are news.
    assert "posted by ana" in world.types("update", "x", "Still looking.").stdout
    (world.folder / "now.json").write_text(f'"{datetime.now(UTC).isoformat()}"')
    assert "posted by ana" in world.types("update", "x", "Found it.", "--public-phase", "Identified").stdout
    assert "(no change)" in world.types("update", "x", "Found it.", "--public-phase", "Identified").stdout
    assert len(world.calls("create")) == 3
