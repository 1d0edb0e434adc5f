"""A kubectl for the plugin that needs no cluster."""

import shlex
import sys
from pathlib import Path

import pytest

from tests.support.plugin_world import NOW, World

FAKE = Path(__file__).parents[1] / "support/fake_kubectl.py"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty world, of which the kubectl on the PATH tells."""
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin/kubectl"
    command = shlex.join([sys.executable, "-I", "-S", str(FAKE), str(tmp_path)])
    kubectl.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{kubectl.parent}:/usr/bin:/bin")
    found = World(tmp_path)
    found.save("now", NOW)
    return found
