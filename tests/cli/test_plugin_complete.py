"""Shell completion: what may stand there, quickly, and nothing where anything is wrong."""

import subprocess
import sys
from typing import Any

import pytest

from tests.support.plugin_world import World, incident
from watchbill.cli.plugin.complete import FILES, NO_FILES, candidates
from watchbill.cli.plugin.names import COMMANDS, RUNBOOK


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], list(COMMANDS)),
        (["re"], ["resolve", "reopen"]),
        (["ack", ""], ["checkout", "search"]),
        (["ack", "ch"], ["checkout"]),
        (["ack", "-n", "shop", "s"], ["search"]),
        (["ack", "checkout", ""], []),
        (["ack", "-"], []),
        (["get", "checkout", "-o", "j"], ["json"]),
        (["update", "checkout", "text", "--public-phase", "I"], ["Investigating", "Identified"]),
        (["declare", ""], []),
        (["oncall", ""], ["primary"]),
        (["oncall", "-n", "shop", "primary", ""], []),
        (["test-page", ""], []),
        (["test-page", "--class", ""], ["service"]),
        (["runbook", ""], list(RUNBOOK)),
        (["runbook", "-n", "shop", "re"], ["reject"]),
        (["runbook", "list", ""], []),
        (["runbook", "run", ""], ["roll-back"]),
        (["runbook", "run", "roll-back", "--incident", "s"], ["search"]),
        (["runbook", "approve", "-n", "shop", ""], ["roll-back-1"]),
        (["runbook", "approve", "roll-back-1", ""], []),
    ],
)
def test_what_may_stand_there_is_offered(world: World, words, found):
    world.holds(checkout=incident("checkout"), search=incident("search"))
    others: Any = {
        "escalationpolicies.watchbill.dev/primary": {},
        "incidentclasses.watchbill.dev/service": {},
        "runbooks.watchbill.dev/roll-back": {},
        "runbookruns.watchbill.dev/roll-back-1": {},
    }
    world.save("objects", world.objects() | others)
    assert candidates(words) == (found, NO_FILES)


def test_names_are_looked_for_where_the_flags_say(world: World):
    candidates(["ack", "-n", "shop", "--context", "prod", ""])
    (call,) = world.calls("get")
    assert call[2:6] == ["-n", "shop", "--context", "prod"]


def test_files_are_left_to_the_shell():
    assert candidates(["simulate", ""]) == ([], FILES)


@pytest.mark.parametrize("fault", ["Forbidden", "Unreachable"])
def test_where_names_cannot_be_read_nothing_is_offered(world: World, fault):
    world.fails(get=[fault])
    assert candidates(["ack", ""]) == ([], NO_FILES)


def test_completion_imports_nothing_that_is_slow():
    code = "import sys, watchbill.cli.plugin.complete; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"typer", "pydantic", "rich", "yaml", "jinja2", "json"} & set(done.stdout.split()) == set()
