"""Unleash is installed once, whole or not at all, and the PostgreSQL of the machine is found."""

import io
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.progress import Progress
from dev.unleash.tools import ensure_tools, find_postgresql
from tests.dev.fakes import script

INSTALL = """
echo "$*" >> "{calls}"
[ -f package-lock.json ] && [ -f .npmrc ] || {{ echo 'nothing is pinned'; exit 1; }}
{more}
mkdir node_modules
"""


def around(tmp_path: Path, more: str = "") -> dict[str, str]:
    """An environment with a node, an npm that notes each command, and a PostgreSQL on the path."""
    for name in ("node", "initdb"):
        script(tmp_path / "bin" / name, "echo v20.1.0")
    script(tmp_path / "bin" / "npm", INSTALL.format(calls=tmp_path / "calls", more=more))
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    return {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_it_is_installed_from_its_lock_file_and_found_from_then_on(tmp_path: Path):
    environment, debian = around(tmp_path), tmp_path / "none"
    tools = ensure_tools(environment, Progress(io.StringIO()), debian)
    assert (tools.unleash / "node_modules").is_dir()
    assert tools.postgresql == tmp_path / "bin"
    assert ensure_tools(environment, Progress(io.StringIO()), debian) == tools
    assert (tmp_path / "calls").read_text() == "ci --ignore-scripts --no-audit --no-fund\n"


def test_an_installation_that_fails_says_why_and_leaves_nothing_that_would_be_found(tmp_path: Path):
    debian = tmp_path / "none"
    with pytest.raises(DevError, match="no space left"):
        ensure_tools(around(tmp_path, "echo 'no space left'; exit 1"), Progress(io.StringIO()), debian)
    assert ensure_tools(around(tmp_path), Progress(io.StringIO()), debian).unleash.is_dir()


def test_the_newest_postgresql_of_debian_is_taken(tmp_path: Path):
    for version in ("9", "15", "13", "common"):
        script(tmp_path / "debian" / version / "bin" / "initdb", "true")
    assert find_postgresql({"PATH": ""}, tmp_path / "debian") == tmp_path / "debian" / "15" / "bin"


def test_without_a_postgresql_it_says_so(tmp_path: Path):
    with pytest.raises(DevError, match=r"^Unleash needs PostgreSQL \(Debian: postgresql\)"):
        find_postgresql({"PATH": str(tmp_path)}, tmp_path)
