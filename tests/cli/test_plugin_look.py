"""`list`, `get` and `timeline`: JSON into a pipe, a drawing on a terminal, and nothing that steers it."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from tests.support.plugin_world import NOW, World, incident
from watchbill.cli.plugin import look, options, tree
from watchbill.cli.plugin.failure import ExitCode

AT = datetime(2026, 3, 9, 3, 2, tzinfo=UTC)


def hop(connection: str, state: str, **more: Any) -> Any:
    return {"connection": connection, "state": state} | more


def page(level: str, *hops: Any, state: str = "Accepted") -> Any:
    return {"id": "p", "epoch": 1, "round": 1, "level": level, "state": state, "hops": list(hops)}


FULL = incident(
    commander="ana",
    policy={"levels": [{"name": "primary"}, {"name": "secondary"}]},
    escalation={
        "epoch": 1,
        "state": "Waiting",
        "round": 1,
        "level": "primary",
        "openedTime": NOW,
        "nextTime": "2026-03-09T03:05:00Z",
    },
    pages=[
        page(
            "primary",
            hop("pagerduty", "Failed", reason="HTTP503"),
            hop("backup", "Accepted", sentTime="2026-03-09T03:00:01Z"),
        )
    ],
    acknowledgements=[{"user": "ana", "time": NOW, "epoch": 1, "digest": "d", "note": "on it"}],
    resources={"channel": {"connection": "slack", "state": "Ready", "url": "https://chat.example/c"}},
    conditions=[{"type": "Degraded", "status": "True", "message": "pagerduty fails"}],
    timeline=[
        {
            "time": "2026-03-09T03:00:00.000Z",
            "kind": "Declared",
            "actor": "bo",
            "source": "k",
            "text": "SEV-1",
        },
        {
            "time": "2026-03-09T03:00:01.000Z",
            "kind": "Paged",
            "actor": "watchbill",
            "source": "k",
            "text": "paged",
        },
    ],
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch):
    """A person reads the answer."""
    for module in (look, options):
        monkeypatch.setattr(module, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")


def drawn(content: Any) -> str:
    """The drawing of an incident two minutes after it was declared."""
    console = Console(width=160, file=io.StringIO(), markup=False, highlight=False)
    with console.capture() as capture:
        console.print(tree.tree(content, AT))
    return capture.get()


def test_a_tree_shows_levels_pages_people_the_channel_and_what_is_wrong():
    assert drawn(FULL).splitlines() == [
        "x  SEV-1  Triggered  Checkout fails",
        "├── declared by bo",
        "├── commander ana",
        "├── acknowledged by ana at 03:00:00Z: on it",
        "├── level primary  open since 03:00:00Z, round 1, the next opens in 3m",
        "│   └── backup accepted at 03:00:01Z, after pagerduty failed (HTTP503)",
        "├── level secondary",
        "├── channel  Ready  https://chat.example/c",
        "└── Degraded: pagerduty fails",
    ]


def test_an_incident_that_the_operator_has_not_seen_is_drawn():
    fresh = incident() | {"status": {}}
    assert drawn(fresh).splitlines() == ["x  SEV-1  Pending  Checkout fails", "└── declared by bo"]


def test_a_title_cannot_steer_the_terminal_or_the_drawing(world: World, terminal):
    title = "[red]a\x1b[2J\u202eb\nc[/red]"
    evil = incident(spec={"title": title})
    assert drawn(evil).splitlines()[0] == "x  SEV-1  Triggered  [red]a [2J b c[/red]"
    world.holds(x=evil)
    listed = world.types("list").stdout
    assert "\x1b" not in listed
    assert "\u202e" not in listed


def test_a_list_for_a_person_is_a_table_with_the_newest_first(world: World, terminal):
    old = incident("old", phase="Closed")
    new = incident("new")
    new["metadata"]["creationTimestamp"] = "2026-03-09T04:00:00Z"
    world.holds(old=old, new=new)
    lines = world.types("list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "SEVERITY", "PHASE", "COMMANDER", "NEXT", "AGE", "TITLE"]
    assert [line.split()[0] for line in lines[1:]] == ["new", "old"]
    assert world.types("list", "-A").stdout.startswith("NAMESPACE")
    assert [line.split()[0] for line in world.types("list", "--open").stdout.splitlines()[1:]] == ["new"]


def test_an_empty_list_says_so_as_kubectl_does(world: World, terminal):
    said = world.types("list")
    assert (said.exit_code, said.stdout) == (0, "")
    assert "No incidents found" in said.stderr


def test_a_list_for_a_program_is_json(world: World):
    world.holds(x=incident(), y=incident("y", phase="Closed"))
    assert [each["metadata"]["name"] for each in json.loads(world.types("list").stdout)["items"]] == [
        "x",
        "y",
    ]
    assert world.types("list", "--open", "-o", "name").stdout == "incidents.watchbill.dev/x\n"
    assert world.types("list", "-o", "wide").stdout == "printed as wide\n"


def test_kubectl_selects(world: World):
    world.types("list", "-A", "-l", "team=shop")
    (call,) = world.calls("get")
    assert {"--all-namespaces", "--selector=team=shop"} <= set(call)


def test_one_incident_is_json_for_a_program_and_a_tree_for_a_person(world: World, monkeypatch):
    world.holds(x=FULL)
    assert json.loads(world.types("get", "x").stdout) == FULL
    monkeypatch.setattr(look, "on_terminal", lambda: True)
    assert "level primary" in world.types("get", "x").stdout
    assert world.types("get", "x", "-o", "yaml").stdout == "printed as yaml\n"


def test_a_watch_goes_on_when_the_server_ends_it_and_stops_with_the_incident(world: World):
    world.shows(incident(), incident(phase="Acknowledged"), incident(phase="Closed"), incident())
    lines = world.types("get", "x", "-w").stdout.splitlines()
    assert [json.loads(line)["status"]["phase"] for line in lines] == ["Triggered", "Acknowledged", "Closed"]


def test_a_watch_draws_for_a_person(world: World, terminal):
    world.shows(incident(), FULL | {"status": FULL["status"] | {"phase": "Cancelled"}})
    said = world.types("get", "x", "-w")
    assert said.exit_code == 0, said.output
    assert "Cancelled" in said.stdout


def test_a_watch_that_fails_says_why(world: World):
    world.fails(get=["Forbidden"])
    said = world.types("get", "x", "-w")
    assert said.exit_code == ExitCode.FORBIDDEN
    assert "forbidden" in said.stderr


@pytest.mark.parametrize(
    "words",
    [["timeline", "x", "-o", "name"], ["get", "x", "-w", "-o", "wide"], ["list", "--open", "-o", "wide"]],
)
def test_what_only_kubectl_can_print_is_refused_elsewhere(world: World, words: list[str]):
    world.holds(x=incident())
    world.shows(incident(phase="Closed"))
    assert world.types(*words).exit_code == 2


def test_a_timeline_is_lines_for_a_person_and_json_for_a_program(world: World, monkeypatch):
    world.holds(x=FULL)
    told = json.loads(world.types("timeline", "x").stdout)
    assert (told["dropped"], [entry["kind"] for entry in told["entries"]]) == (0, ["Declared", "Paged"])
    monkeypatch.setattr(options, "on_terminal", lambda: True)
    lines = world.types("timeline", "x").stdout.splitlines()
    assert lines[0].split() == ["2026-03-09T03:00:00Z", "bo", "SEV-1"]


def test_colors_are_left_out_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert tree.console().color_system is not None
    monkeypatch.setenv("NO_COLOR", "1")
    assert tree.console().no_color


HEAVY = ("pydantic", "rich", "kopf", "httpx", "aiohttp", "celpy", "yaml", "jinja2")


@pytest.mark.parametrize("module", ["main", "take", "say", "update", "declare", "look"])
def test_a_command_starts_without_what_it_does_not_need(module: str):
    code = f"import sys, watchbill.cli.plugin.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(HEAVY) & set(done.stdout.split()) == set()
