"""Imports point inwards, and the contracts that say so bite."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

FORBIDDEN = {
    "the core knows the shell": ("core", "import watchbill.shell"),
    "the api knows the core": ("api", "import watchbill.core"),
    "a provider knows the shell": ("providers", "import watchbill.shell"),
    "the shell knows the command line": ("shell", "import watchbill.cli"),
    "the core reads a clock": ("core", "import time"),
    "the core draws lots": ("core", "from random import choice"),
    "the core waits": ("core", "import asyncio"),
    "the core reads the environment": ("core", "from os import environ"),
    "the core logs": ("core", "import structlog"),
    "the api sends": ("api", "import aiohttp"),
    "a provider sends": ("providers", "import aiohttp"),
    "somebody else speaks HTTP": ("shell", "import aiohttp"),
    "somebody else sends mail": ("shell", "import aiosmtplib"),
    "a provider sends mail": ("providers", "import aiosmtplib"),
    "somebody else knows kopf": ("shell", "from kopf import on"),
    "somebody else sends traces": ("shell", "from opentelemetry import trace"),
    "the command line reaches into the shell": ("cli", "import watchbill.shell"),
    "a vendor knows another": ("providers", "import watchbill.providers.webhook", "pagerduty"),
}
PLACES = {
    fault: (layer, line, *(name or [f"trespasser_{number}"]))
    for number, (fault, (layer, line, *name)) in enumerate(FORBIDDEN.items())
}
"""For each fault its layer, its line, and the name of the module that has it."""


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the package below `tree`."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(tree / "operator")}
    return subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the package with all that is forbidden in it, each in a module of its own."""
    copied = tmp_path_factory.mktemp("copied")
    shutil.copytree(ROOT / "operator", copied / "operator")
    shutil.copy(ROOT / ".importlinter", copied)
    for layer, line, name in PLACES.values():
        with (copied / "operator" / "watchbill" / layer / f"{name}.py").open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    done = lint(copied)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_imports_point_inwards():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_contract_bites(said: str, place: tuple[str, str, str]):
    layer, line, name = place
    imported = line.split()[1]
    assert f"watchbill.{layer}.{name} -> {imported}" in said, said
