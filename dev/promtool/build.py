"""Builds promtool, once for all checkouts, from the Go module in this folder.

To move to another version: `go get -tool github.com/prometheus/prometheus/cmd/promtool@VERSION` here.
"""

from collections.abc import Mapping
from pathlib import Path

from dev.commands import run_in_part
from dev.layout import build_directory, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.toolchain import Go, fetch_go, find_go

MODULE = Path(__file__).resolve().parent
PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"

# It finds no targets for us, and what finds them in clouds is half of what would be compiled.
_TAGS = "remove_all_sd"
_HINT = "see that the Go module proxy can be reached and the disk has 3 GB free"


def find_promtool(environment: Mapping[str, str]) -> Path | None:
    """The binary, or None where it has not been built."""
    binary = build_directory(environment, MODULE) / "promtool"
    return binary if binary.exists() else None


def ensure_promtool(environment: Mapping[str, str], progress: Progress) -> Path:
    """The binary, built where it is not found."""
    home = build_directory(environment, MODULE)
    cache = cache_root(environment)

    def build(target: Path, part: Part) -> None:
        go = find_go(environment, MODULE) or fetch_go(cache, environment, progress)
        _build(target, go, environment, part)

    home.parent.mkdir(parents=True, exist_ok=True)
    fill_once(home, "building promtool (about 3 min on 2 cores)", progress, build)
    return home / "promtool"


def _build(target: Path, go: Go, environment: Mapping[str, str], part: Part) -> None:
    """Leaves the binary alone in the directory."""
    command = [str(go.executable), "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
    command += ["-tags", _TAGS, "-o", f"{target}/", PACKAGE]
    target.mkdir()
    log = build_directory(environment, MODULE).with_suffix(".log")
    run_in_part(command, part, log, go.environment(environment), _HINT, MODULE)
