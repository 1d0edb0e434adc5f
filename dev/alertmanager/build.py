"""Builds Alertmanager, once for all checkouts, from the Go module in this folder.

To move to another version: name it in `go.mod`, and run `go mod tidy` here.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.commands import run_in_part
from dev.layout import build_directory, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.toolchain import Go, fetch_go, find_go

MODULE = Path(__file__).resolve().parent

_SOURCE = "github.com/prometheus/alertmanager"
# Alertmanager embeds its pages, which are compiled at a release and are no part of its Go module.
_PAGES = Path("vendor", *_SOURCE.split("/"), "ui", "app", "dist", "index.html")
_HINT = "see that the Go module proxy can be reached and the disk has 2 GB free"


def ensure_alertmanager(environment: Mapping[str, str], progress: Progress) -> Path:
    """The binary, built where it is not found; its web pages say that they are not there."""
    home = build_directory(environment, MODULE)
    cache = cache_root(environment)

    def build(target: Path, part: Part) -> None:
        go = find_go(environment, MODULE) or fetch_go(cache, environment, progress)
        _build(target, go, environment, part)

    home.parent.mkdir(parents=True, exist_ok=True)
    fill_once(home, "building Alertmanager (about 1 min on 2 cores)", progress, build)
    return home / "alertmanager"


def _build(target: Path, go: Go, environment: Mapping[str, str], part: Part) -> None:
    """Leaves the binary alone in the directory."""
    source, around = target.parent / "source", go.environment(environment)
    source.mkdir()
    target.mkdir()
    for name in ("go.mod", "go.sum"):
        shutil.copy(MODULE / name, source)
    log = build_directory(environment, MODULE).with_suffix(".log")
    # It goes on past packages that cannot be embedded, such as the pages.
    run_in_part([str(go.executable), "mod", "vendor", "-e"], part, log, around, _HINT, source)
    pages = source / _PAGES
    pages.parent.mkdir(parents=True)
    pages.write_text("This Alertmanager was built without its pages.\n")
    command = [str(go.executable), "build", "-mod=vendor", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
    command += ["-o", str(target / "alertmanager"), f"{_SOURCE}/cmd/alertmanager"]
    run_in_part(command, part, log, around, _HINT, source)
