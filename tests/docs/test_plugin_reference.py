"""The reference of `kubectl watchbill` names every command, option and exit code."""

import re
from typing import Any

import pytest
import typer.main

from dev.layout import REPOSITORY
from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.main import app
from watchbill.cli.plugin.names import COMMANDS

PAGE = (REPOSITORY / "docs/reference/kubectl-watchbill.md").read_text(encoding="utf-8")
SHARED = {"--help", "--namespace", "--context", "--kubeconfig", "--output"}
"""What every command takes, and one table says."""


def section(title: str) -> str:
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/reference/kubectl-watchbill.md has no section {title!r}"
    return found[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_documented_with_all_its_options(command: str):
    group: Any = typer.main.get_command(app)
    found = group.get_command(None, command)
    within = getattr(found, "commands", {})
    assert {name for name in within if f"`{name}`" not in section(command)} == set()
    parameters = [each for one in (found, *within.values()) for each in one.params]
    options = {option for each in parameters for option in each.opts if option.startswith("--")}
    assert {option for option in options - SHARED if f"`{option}" not in section(command)} == set()


def test_what_every_command_takes_is_documented():
    common = section("What holds for every command")
    assert {flag for flag in SHARED - {"--help"} if f"`{flag}" not in common} == set()
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", common, re.MULTILINE)}
    assert codes >= set(map(int, ExitCode))
