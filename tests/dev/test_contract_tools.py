"""What npm and uv fetch is installed once, whole or not at all, and what is missing is said in a sentence."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dev.contract import tools
from dev.contract.tools import OLDEST_NODE, PACKAGES, ensure_tools, find_node
from dev.errors import DevError
from dev.progress import Progress
from tests.dev.fakes import script

NEWEST_TOO_OLD = "v18.20.0"


def around(tmp_path: Path, *commands: str, version: str = "v20.1.0") -> dict[str, str]:
    """An environment that has these commands alone, and a cache of its own."""
    for name in commands:
        script(tmp_path / "bin" / name, f"echo {version}")
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which installers ran, in order; each fills its directory."""
    ran: list[str] = []

    def run(command: list[str], *rest: Any, **more: Any) -> None:
        ran.append(Path(command[0]).name if "npm" in command[0] else "uv")
        target = rest[-1] if "npm" in command[0] else Path(command[command.index("--target") + 1])
        (target / "filled").mkdir(parents=True)

    monkeypatch.setattr(tools, "run_in_part", run)
    return ran


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        (NEWEST_TOO_OLD, f"is {NEWEST_TOO_OLD}."),
        ("v9.11.2", "is v9.11.2."),
        ("", "is none."),
        ("nonsense", "is nonsense."),
    ],
)
def test_a_node_that_is_too_old_is_named(tmp_path: Path, version: str, complaint: str):
    with pytest.raises(
        DevError, match=r"^The contract tests need Node\.js 18\.20\.1 or newer with npm"
    ) as told:
        find_node(around(tmp_path, "node", version=version))
    assert str(told.value).endswith(complaint)


def test_a_node_that_is_new_enough_is_found(tmp_path: Path):
    assert find_node(around(tmp_path, "node", version="v18.20.1")) == tmp_path / "bin" / "node"


@pytest.mark.parametrize(("there", "missing"), [((), "node"), (("node",), "npm")])
def test_what_is_missing_is_named_and_nothing_is_left(tmp_path: Path, there: tuple[str, ...], missing: str):
    with pytest.raises(DevError, match=f"PATH has no {missing}"):
        ensure_tools(around(tmp_path, *there), Progress(io.StringIO()))
    assert not [
        path for path in tmp_path.glob("cache/**/*") if path.name not in {"watchbill", "npm", ".lock"}
    ]


def test_each_is_installed_once(tmp_path: Path, installed: list[str]):
    where = around(tmp_path, "node", "npm")
    first = ensure_tools(where, Progress(io.StringIO()))
    assert ensure_tools(where, Progress(io.StringIO())) == first
    assert installed == ["npm", "uv"]
    assert sorted(os.listdir(first.packages)) == [".npmrc", "filled", "package-lock.json", "package.json"]
    assert (first.mitmproxy / "filled").is_dir()


def test_an_interrupted_installation_leaves_nothing_and_is_done_again(
    tmp_path: Path, installed: list[str], monkeypatch: pytest.MonkeyPatch
):
    where = around(tmp_path, "node", "npm")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tools, "run_in_part", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ensure_tools(where, Progress(io.StringIO()))
    cache = tmp_path / "cache" / "watchbill" / "npm"
    assert os.listdir(cache) == [".lock"]
    (cache / ".installing-by-one-that-was-killed").mkdir()
    home = ensure_tools(where, Progress(io.StringIO())).packages
    assert (installed, sorted(os.listdir(cache))) == (["npm", "uv"], [".lock", home.name])


def test_the_packages_are_pinned_with_a_hash_for_each_package():
    lock = json.loads((PACKAGES / "package-lock.json").read_text())["packages"]
    wanted = json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    assert lock.pop("")["dependencies"] == wanted
    assert [
        name for name, version in wanted.items() if lock[f"node_modules/{name}"]["version"] != version
    ] == []
    assert [
        name for name, package in lock.items() if "integrity" not in package or "resolved" in package
    ] == []
    engine = lock["node_modules/@stoplight/prism-cli"]["engines"]["node"]
    assert engine == ">=" + ".".join(map(str, OLDEST_NODE))
