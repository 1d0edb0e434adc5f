"""Alertmanager is built once from its pinned module, whole or not at all."""

import io
from pathlib import Path

import pytest

from dev.alertmanager.build import MODULE, ensure_alertmanager
from dev.build import pinned_version
from dev.errors import DevError
from dev.progress import Progress
from tests.dev.fakes import environment, script

SOURCE = "github.com/prometheus/alertmanager"
PAGES = f"vendor/{SOURCE}/ui/app/dist/index.html"


def go(tmp_path: Path, on_build: str = "") -> dict[str, str]:
    """An environment whose go vendors a module without pages, and notes each command."""
    script(
        tmp_path / "go" / "go",
        f"""
[ "$1" = env ] && {{ echo go1.26.8; exit 0; }}
echo "$1" >> {tmp_path}/calls
if [ "$1" = mod ]; then mkdir -p vendor/{SOURCE}/ui/app; exit 0; fi
[ -s {PAGES} ] || {{ echo 'pattern all:app/dist: no matching files found'; exit 1; }}
{on_build}
while [ $# -gt 1 ]; do [ "$1" = -o ] && target=$2; shift; done
echo built > "$target"
""",
    )
    return environment(tmp_path, tmp_path / "go")


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().split()


def quiet() -> Progress:
    return Progress(io.StringIO())


def test_it_is_built_with_a_stand_in_for_its_pages_and_found_from_then_on(tmp_path: Path):
    around = go(tmp_path)
    binary = ensure_alertmanager(around, quiet())
    assert binary.read_text() == "built\n"
    assert [path.name for path in binary.parent.iterdir()] == ["alertmanager"]
    assert ensure_alertmanager(around, quiet()) == binary
    assert calls(tmp_path) == ["mod", "build"]


def test_a_build_that_fails_says_why_and_leaves_nothing_that_would_be_found(tmp_path: Path):
    around = go(tmp_path, "echo 'no space left on device'; exit 1")
    with pytest.raises(DevError, match="no space left on device"):
        ensure_alertmanager(around, quiet())
    go(tmp_path)
    assert ensure_alertmanager(around, quiet()).exists()


def test_the_version_is_pinned():
    assert pinned_version(SOURCE, MODULE.folder).startswith("v0.34.")
