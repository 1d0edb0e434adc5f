"""promtool is built once from its pinned module, whole or not at all."""

import io
from pathlib import Path

import pytest

from dev.build import pinned_version
from dev.errors import DevError
from dev.progress import Progress
from dev.promtool.build import MODULE, PACKAGE, ensure_promtool, find_promtool
from tests.dev.fakes import environment, script


def go(tmp_path: Path, on_build: str = "") -> dict[str, str]:
    """An environment whose go builds a file, and says for which package."""
    body = f"""
[ "$1" = env ] && {{ echo go1.26.8; exit 0; }}
{on_build}
while [ $# -gt 1 ]; do [ "$1" = -o ] && target=$2; shift; done
echo "$1" > "$target"promtool
"""
    script(tmp_path / "go" / "go", body)
    return environment(tmp_path, tmp_path / "go")


def test_it_is_built_once_and_found_from_then_on(tmp_path: Path):
    around, progress = go(tmp_path), Progress(io.StringIO())
    assert find_promtool(around) is None
    binary = ensure_promtool(around, progress)
    assert (binary.name, binary.read_text()) == ("promtool", f"{PACKAGE}\n")
    assert find_promtool(around) == binary == ensure_promtool(go(tmp_path, "exit 1"), progress)


def test_a_build_that_fails_says_why_and_leaves_nothing_that_would_be_found(tmp_path: Path):
    around = go(tmp_path, "echo 'no space left on device'; exit 1")
    with pytest.raises(DevError, match="no space left on device"):
        ensure_promtool(around, Progress(io.StringIO()))
    assert find_promtool(around) is None


def test_the_version_is_pinned():
    assert pinned_version("github.com/prometheus/prometheus", MODULE.folder).startswith("v0.315.")
