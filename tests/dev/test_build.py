"""Builds that are interrupted, repeated, wrong, or done by two checkouts at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dev.layout import REPOSITORY, build_directory
from tests.dev.fakes import calls, environment, fake_go, script


def dev_build(around: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dev", "build"],
        cwd=REPOSITORY,
        env=around,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> None:
    limit = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < limit, f"{path} does not come"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_build_keeps_what_is_finished_and_builds_only_the_rest(
    tmp_path: Path, number: signal.Signals
) -> None:
    hang = f"[ $name = kube-apiserver ] && {{ echo $$ > {tmp_path}/pid; sleep 60; }}"
    go = fake_go(tmp_path / "go", on_build=hang)
    around = environment(tmp_path, go)
    with dev_build(around) as first:
        wait_for(tmp_path / "pid")
        first.send_signal(number)
        assert first.wait(timeout=20) == 130
    compiler = int((tmp_path / "pid").read_text())
    assert not is_running(compiler)
    assert [path.name for path in build_directory(around).glob("[a-z]*[a-z]") if path.suffix == ""] == [
        "etcd"
    ]

    fake_go(go)
    with dev_build(around) as second:
        output, _ = second.communicate(timeout=20)
    assert second.returncode == 0
    assert output.strip() == str(build_directory(around))
    assert calls(go) == ["etcd", "kube-apiserver", "kube-apiserver", "kubectl"]
    assert not list(build_directory(around).glob(".building-*"))


def test_two_checkouts_build_each_part_once(tmp_path: Path) -> None:
    go = fake_go(tmp_path / "go", on_build="sleep 0.2")
    around = environment(tmp_path, go)
    with dev_build(around) as one, dev_build(around) as other:
        said = [each.communicate(timeout=30)[1] for each in (one, other)]
        assert (one.returncode, other.returncode) == (0, 0)
    assert calls(go) == ["etcd", "kube-apiserver", "kubectl"]
    assert sum("waiting for the build of another checkout" in text for text in said) == 1


@pytest.mark.parametrize(
    ("on_build", "says", "sentence"),
    [
        pytest.param(
            "echo 'no such host'; exit 1",
            "",
            "`go build` failed: see that the Go module proxy can be reached",
            id="a failed build says what to look at and the end of the log",
        ),
        pytest.param(
            "",
            "0.0.1",
            'The etcd that was built should say 3.7.0 but says "version 0.0.1".',
            id="a binary of another version is not taken",
        ),
    ],
)
def test_a_bad_build_is_one_sentence(tmp_path: Path, on_build: str, says: str, sentence: str) -> None:
    go = fake_go(tmp_path / "go", on_build=on_build, says=says)
    around = environment(tmp_path, go)
    with dev_build(around) as build:
        _, said = build.communicate(timeout=20)
    assert build.returncode == 1
    assert sentence in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not (build_directory(around) / "etcd").exists()


def test_a_binary_that_does_not_run_is_not_taken(tmp_path: Path) -> None:
    go = tmp_path / "go"
    body = (
        'if [ "$1" = env ]; then echo go1.26.8; exit 0; fi\n'
        'while [ $# -gt 1 ]; do [ "$1" = -o ] && target=$2; shift; done\n'
        'echo nonsense > "$target"'
    )
    script(go / "go", body)
    around = environment(tmp_path, go)
    with dev_build(around) as build:
        _, said = build.communicate(timeout=20)
    assert build.returncode == 1
    assert "The etcd that was built does not run" in said
    assert os.listdir(build_directory(around)) != []
    assert not (build_directory(around) / "etcd").exists()
