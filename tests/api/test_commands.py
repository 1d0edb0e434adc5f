"""`watchbill crds` and its neighbors, run as a user runs them."""

import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from watchbill import __version__
from watchbill.api.crd import crds
from watchbill.cli.main import COMMANDS, app


def watchbill(*arguments):
    command = [sys.executable, "-m", "watchbill", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_crds_prints_every_crd_as_kubectl_takes_it():
    answer = watchbill("crds")
    assert answer.returncode == 0
    assert list(yaml.safe_load_all(answer.stdout)) == crds()


def test_version_prints_the_version_and_the_api():
    assert watchbill("version").stdout == f"watchbill {__version__} (watchbill.dev/v1alpha1)\n"


def test_help_lists_every_command():
    listed = watchbill("--help").stdout
    assert [name for name in COMMANDS if name not in listed] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_it_does(command):
    answer = CliRunner().invoke(app, [command, "--help"], prog_name="watchbill")
    assert answer.exit_code == 0
    assert f"watchbill {command}" in answer.stdout


def test_an_unknown_command_is_refused():
    answer = watchbill("crd")
    assert answer.returncode == 2
    assert "No such command" in answer.stderr


def test_nothing_is_loaded_before_it_is_needed():
    code = "import sys, watchbill.cli.main; print(sorted({'pydantic', 'kopf', 'aiohttp'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
