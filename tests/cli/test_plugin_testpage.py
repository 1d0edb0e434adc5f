"""`test-page`: pages for real, tells whether that gets through, and leaves nothing open."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.plugin_world import NOW, World
from watchbill.cli.plugin import testpage, trial
from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.proof import Proof

ACCEPTED = {"connection": "pagerduty", "state": "Accepted", "sentTime": NOW}
FAILED = {"connection": "pagerduty", "state": "Failed", "reason": "HTTP401"}
SENDING = {"connection": "pagerduty", "state": "Sending"}
CLASSES = "incidentclasses.watchbill.dev"


class Clock:
    """The time of the plugin: who sleeps is there at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.at_sleep()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(trial, "time", found)
    monkeypatch.setattr(trial, "POLL_SECONDS", 1)
    return found


@pytest.fixture
def team(world: World, clock: Clock) -> World:
    """A class with two severities that people may read."""
    rows = [{"name": "minor", "rank": 2}, {"name": "major", "rank": 1}]
    annotations = {"watchbill.dev/is-default-class": "true"}
    found = {"metadata": {"name": "service", "annotations": annotations}, "spec": {"severities": rows}}
    world.save("objects", {f"{CLASSES}/service": found})
    return world


def types(team: World, *words: str) -> Any:
    """What `test-page` answered, which does not let it ring unless that is asked for."""
    return team.types("test-page", "--ring", "0", "--wait", "3", *words)


def page(*hops: Any, level: str = "primary", epoch: int = 1) -> Any:
    states = [hop["state"] for hop in hops]
    state = "Accepted" if "Accepted" in states else "Failed" if set(states) == {"Failed"} else "Pending"
    return {"id": "p", "epoch": epoch, "round": 1, "level": level, "state": state, "hops": list(hops)}


def status(*pages: Any, level: str = "primary", after: str = "05:00", **more: Any) -> Any:
    at = {
        "epoch": 1,
        "state": "Waiting",
        "level": level,
        "openedTime": NOW,
        "nextTime": f"2026-03-09T03:{after}Z",
    }
    policy = {"levels": [{"name": "primary"}, {"name": "secondary"}]}
    return {"phase": "Triggered", "pages": list(pages), "escalation": at, "policy": policy} | more


def the_incident(team: World) -> Any:
    (found,) = [each for key, each in team.objects().items() if key.startswith("incidents.")]
    return found


def is_ended(team: World) -> bool:
    return bool(the_incident(team)["spec"].get("state") == "Cancelled")


def test_a_page_that_gets_through_is_told_and_its_incident_is_ended(team: World):
    team.becomes({}, status(page(SENDING)), status(page(ACCEPTED)))
    said = types(team, "--yes")
    assert said.exit_code == 0, said.output
    found = the_incident(team)
    name = found["metadata"]["name"]
    assert said.stdout.splitlines() == [
        f"incident.watchbill.dev/{name} declared by ana as minor",
        "paging primary: pagerduty accepted at 03:00:00Z",
        "it got through within 2.0 s of the declaration",
        f"incident.watchbill.dev/{name} cancelled by ana",
    ]
    assert found["metadata"]["labels"] == {"watchbill.dev/test-page": "true"}
    assert found["spec"]["title"].startswith("TEST: nothing is wrong, ana ")
    assert found["spec"]["setBy"] == {"declaration": "ana", "state": "ana"}
    assert (found["spec"]["state"], "mode" in found["spec"]) == ("Cancelled", False)


def test_the_severity_and_the_class_can_be_named(team: World):
    team.becomes(status(page(ACCEPTED)))
    types(team, "--yes", "-s", "major", "--class", "other")
    assert the_incident(team)["spec"]["severity"] == "major"
    assert the_incident(team)["spec"]["classRef"] == {"name": "other"}


FAILURES = {
    "a connection refuses": (
        status(page(FAILED)),
        "primary: no page gets through: pagerduty failed (HTTP401)",
    ),
    "one of two targets is not reached": (
        status(page(ACCEPTED), page(FAILED)),
        "primary: no page gets through: pagerduty failed (HTTP401)",
    ),
    "it wakes nobody": (
        status(page({"connection": "log", "state": "Accepted", "unreal": True})),
        "primary: no page gets through: log accepted, which wakes nobody",
    ),
    "the first level reaches nobody": (
        status(page(ACCEPTED, level="secondary"), level="secondary"),
        "primary: nobody can be reached, and secondary was paged instead",
    ),
    "the next level has opened": (
        status(page(FAILED), page(ACCEPTED, level="secondary"), level="secondary"),
        "primary: nobody had it, and secondary was paged, too",
    ),
    "the class is not there": (
        status(
            page(ACCEPTED, level="operatorLastResort"),
            level="operatorLastResort",
            policy=None,
            conditions=[{"type": "Accepted", "status": "False", "message": "IncidentClass x is not there"}],
        ),
        "IncidentClass x is not there",
    ),
    "no operator runs": ({}, "nobody was paged: is the operator running?"),
}


@pytest.mark.parametrize(("seen", "text"), FAILURES.values(), ids=FAILURES)
def test_what_does_not_get_through_is_named(seen: Any, text: str):
    assert text in Proof(seen).problems()


def test_a_test_that_fails_says_why_and_its_incident_is_ended(team: World):
    team.becomes(status(page(FAILED)))
    said = types(team, "--yes")
    assert said.exit_code == ExitCode.REFUSED
    assert said.stderr == "primary: no page gets through: pagerduty failed (HTTP401)\n"
    assert is_ended(team)


def test_a_page_that_its_fallback_takes_has_got_through(team: World):
    team.becomes(status(page(FAILED, ACCEPTED | {"connection": "backup"})))
    said = types(team, "--yes")
    assert said.exit_code == 0
    assert "paging primary: backup accepted at 03:00:00Z, after pagerduty failed (HTTP401)" in said.stdout


@pytest.mark.parametrize(
    ("seen", "most"),
    [
        (status(page(SENDING), after="00:10"), 8),
        (status(page(SENDING), after="30:00"), 28),
        (status(page(ACCEPTED), after="00:05"), 3),
    ],
    ids=["a short level", "the operator's patience", "a page that rings"],
)
def test_it_ends_before_the_next_level_would_open(team: World, clock: Clock, seen: Any, most: float):
    team.becomes(seen)
    types(team, "--yes", "--wait", "100", "--ring", "100")
    assert clock.now == most
    assert is_ended(team)


def test_the_page_rings_until_somebody_acknowledges(team: World, clock: Clock):
    record = {"user": "bo", "time": NOW, "epoch": 1}
    seen = status(page(ACCEPTED))
    team.becomes(seen, seen, seen, seen | {"phase": "Acknowledged", "acknowledgements": [record]})
    said = types(team, "--yes", "--ring", "60")
    assert "bo acknowledged " in said.stdout
    assert clock.now == 2
    assert is_ended(team)


def test_it_rings_for_as_long_as_was_asked(team: World, clock: Clock):
    team.becomes(status(page(ACCEPTED)))
    said = types(team, "--yes", "--ring", "7")
    assert "it stays open for 7 s at most, so that it rings" in said.stdout
    assert clock.now == 7


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises and a hang-up ends, also where whoever started the tests ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before)
    signal.signal(signal.SIGHUP, ended)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_interrupts_it_leaves_nothing_open(team: World, clock: Clock, number: signal.Signals):
    team.becomes(status(page(SENDING)))
    clock.at_sleep = lambda: os.kill(os.getpid(), number)
    said = types(team, "--yes")
    assert said.exit_code == ExitCode.INTERRUPTED
    assert is_ended(team)


@pytest.mark.usefixtures("ctrl_c")
def test_it_is_ended_although_it_is_interrupted_again(team: World, clock: Clock):
    team.becomes(status(page(SENDING)))
    team.fails(patch=["Unreachable", "Unreachable"])
    clock.at_sleep = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert types(team, "--yes").exit_code == ExitCode.INTERRUPTED
    assert len(team.calls("--type=merge")) == 3
    assert is_ended(team)


def test_what_cannot_be_ended_is_told_with_the_command_that_ends_it(team: World):
    team.becomes(status(page(ACCEPTED)))
    team.fails(patch=["Unreachable"] * trial.ENDINGS)
    said = types(team, "--yes")
    name = the_incident(team)["metadata"]["name"]
    assert said.exit_code == ExitCode.UNREACHABLE
    assert f"kubectl watchbill cancel {name}" in said.stderr


def test_a_failure_while_it_is_watched_ends_it(team: World):
    # Before it is watched, the class and what was left open are read.
    team.fails(get=["", "", "Forbidden"])
    said = types(team, "--yes")
    assert said.exit_code == ExitCode.FORBIDDEN
    assert is_ended(team)


def test_where_it_may_not_be_declared_nothing_is_to_be_ended(team: World):
    team.fails(create=["Forbidden"])
    said = types(team, "--yes")
    assert (said.exit_code, said.stdout) == (ExitCode.FORBIDDEN, "")
    assert "cancel" not in said.stderr


def test_who_could_not_end_it_pages_nobody(team: World):
    team.save("denied", ["resolve"])
    said = types(team, "--yes")
    assert said.exit_code == ExitCode.FORBIDDEN
    assert said.stderr == "ana may not patch and resolve incidents here, and could not end it\n"
    assert "create" not in (team.folder / "calls").read_text()


def test_without_a_terminal_it_must_be_said_that_somebody_may_be_paged(team: World):
    said = team.types("test-page")
    assert said.exit_code == 2
    assert "--yes" in said.stderr
    assert not (team.folder / "calls").exists()


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_a_person_is_asked_first(team: World, monkeypatch: pytest.MonkeyPatch, answer: str, code: int):
    monkeypatch.setattr(testpage, "can_be_asked", lambda: True)
    team.becomes(status(page(ACCEPTED)))
    said = team.types("test-page", answers=answer)
    assert said.exit_code == code
    assert "pages for real whoever is on call for minor" in said.stderr
    assert len(team.calls("create")) == (code == 0)


def test_where_the_class_cannot_be_read_the_severity_must_be_named(world: World, clock: Clock):
    said = world.types("test-page", "--yes")
    assert said.exit_code == ExitCode.REFUSED
    assert "name the severity with --severity" in said.stderr
    assert "create" not in (world.folder / "calls").read_text()


def test_what_an_earlier_test_left_open_is_ended_first(team: World):
    def left(user: str, phase: str) -> Any:
        name = f"test-page-{user}-{phase.lower()}"
        metadata = {"name": name, "namespace": "shop", "resourceVersion": "1", "generation": 1}
        spec = {"title": "TEST", "severity": "minor", "setBy": {"declaration": user}}
        body = {
            "apiVersion": "watchbill.dev/v1alpha1",
            "kind": "Incident",
            "metadata": metadata,
            "spec": spec,
        }
        return body | {"status": {"phase": phase}}

    earlier = [left("ana", "Triggered"), left("ana", "Cancelled"), left("bo", "Triggered")]
    held = {f"incidents.watchbill.dev/{each['metadata']['name']}": each for each in earlier}
    team.save("objects", team.objects() | held)
    team.fails(create=["Forbidden"])
    said = types(team, "--yes")
    assert said.stdout == (
        "incident.watchbill.dev/test-page-ana-triggered cancelled by ana: an earlier test had left it open\n"
    )
    states = [team.objects()[key]["spec"].get("state") for key in held]
    assert states == ["Cancelled", None, None]


def test_as_data_the_object_alone_is_printed(team: World):
    team.becomes(status(page(ACCEPTED)))
    said = types(team, "--yes", "-o", "json")
    assert json.loads(said.stdout)["spec"]["state"] == "Cancelled"
    assert "pagerduty accepted" in said.stderr
