"""The plugin uses the public API alone: whatever it asks for, its user's own kubectl could."""

import ast
from typing import Any

import pytest

from dev.layout import REPOSITORY
from tests.support.plugin_world import World, book, incident, run
from watchbill.api.group import GROUP
from watchbill.api.kinds import KINDS
from watchbill.cli.plugin import trial
from watchbill.cli.plugin.names import COMMANDS, OFFLINE, RUNBOOK

pytestmark = pytest.mark.feature("F67")

SERVED = {f"{kind.plural}.{GROUP}" for kind in KINDS}
"""What the CRDs serve: the plugin knows no other resource, and no part of one, such as its status."""

FLAGS = {
    *("--request-timeout", "--output", "--type", "--patch", "--filename", "--selector", "--field-selector"),
    *("--all-namespaces", "--watch", "--output-watch-events"),
}
"""None of them acts as somebody else, goes around the schema, or reaches into the operator."""

PLAN = "sha256:4f1c0d9be2a7"

WORDS = {
    "declare": ["Search is slow", "--wait", "0"],
    "list": ["-A", "--open"],
    "get": ["x"],
    "timeline": ["x"],
    "ack": ["x"],
    "update": ["x", "Rolling back."],
    "escalate": ["x"],
    "snooze": ["x"],
    "severity": ["x", "SEV-2"],
    "mitigate": ["x"],
    "resolve": ["x"],
    "reopen": ["x"],
    "cancel": ["x"],
    "oncall": ["primary"],
    "test-page": ["--yes", "-s", "SEV-3", "--wait", "0"],
    "runbook list": ["-A"],
    "runbook run": ["roll-back", "-p", "deployment=web"],
    "runbook plan": ["roll-back", "--wait", "0"],
    "runbook approve": ["run-1", "--plan", PLAN],
    "runbook reject": ["run-1"],
    "runbook cancel": ["run-1"],
}


def is_public(call: list[str]) -> bool:
    """Whether a call reads, makes or changes objects that the CRDs serve, or asks who the caller is."""
    words = [each for each in call if not each.startswith("-")]
    flags = {each.partition("=")[0] for each in call if each.startswith("-")}
    match words:
        case ["auth", "whoami"] | ["auth", "can-i", _, "incidents.watchbill.dev"] | ["create"]:
            return flags <= FLAGS
        case ["get" | "patch", kind, *names]:
            return kind in SERVED and len(names) <= 1 and flags <= FLAGS
    return False


def test_every_command_that_asks_a_cluster_is_tried_here():
    within = {f"runbook {name}" for name in RUNBOOK}
    assert set(WORDS) == (set(COMMANDS) - {*OFFLINE, "runbook"}) | within


@pytest.mark.parametrize("command", WORDS)
def test_a_command_asks_for_what_the_crds_serve(world: World, monkeypatch: pytest.MonkeyPatch, command: str):
    monkeypatch.setattr(trial, "ENDINGS", 1)
    phase = "Resolved" if command == "reopen" else "Triggered"
    policy: Any = {"metadata": {"name": "primary", "namespace": "shop"}, "spec": {"levels": []}}
    held = {"incidents.watchbill.dev/x": incident(phase=phase)}
    others: Any = {
        "escalationpolicies.watchbill.dev/primary": policy,
        "runbooks.watchbill.dev/roll-back": book("roll-back"),
        "runbookruns.watchbill.dev/run-1": run("run-1", plan={"hash": PLAN, "steps": []}),
    }
    world.save("objects", held | others)
    world.types(*command.split(), *WORDS[command])
    calls = world.calls("--request-timeout=15s")
    assert calls
    assert [call for call in calls if not is_public(call)] == []
    made = {key.partition("/")[0] for key in world.objects()}
    assert made <= SERVED


@pytest.mark.parametrize("command", OFFLINE)
def test_a_command_that_is_offline_asks_nobody(world: World, command: str):
    folder = str(REPOSITORY / "examples/demo")
    words = {"simulate": [folder, "-n", "shop"], "lint": [folder], "version": []}[command]
    world.types(command, *words)
    assert not (world.folder / "calls").exists()


TALKING = {
    "socket",
    "ssl",
    "http",
    "urllib",
    "httpx",
    "aiohttp",
    "aiosmtplib",
    "kubernetes",
    "kopf",
    "asyncio",
}


def imports(text: str) -> set[str]:
    """The outermost names of all modules that a source imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_nothing_but_kubectl_talks_for_the_plugin():
    sources = sorted((REPOSITORY / "operator/watchbill/cli/plugin").glob("*.py"))
    assert len(sources) > 20
    used = {path.name: imports(path.read_text(encoding="utf-8")) for path in sources}
    assert {name: found & TALKING for name, found in used.items() if found & TALKING} == {}
    assert {name for name, found in used.items() if "subprocess" in found} == {"child.py", "complete.py"}
