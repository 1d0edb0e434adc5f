"""Fetches the CRD of HTTPRoute, once for all checkouts, from the Go module that this folder pins.

To move to another version: name it in `go.mod`, and run `go mod download` here.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.build import pinned_version
from dev.commands import run_in_part
from dev.layout import build_directory, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.toolchain import Go, fetch_go, find_go

MODULE = Path(__file__).resolve().parent
SOURCE = "sigs.k8s.io/gateway-api"
CRD = "gateway.networking.k8s.io_httproutes.yaml"


def ensure_http_route(environment: Mapping[str, str], progress: Progress) -> Path:
    """The manifest of the CRD, fetched and held against `go.sum` where it is not found."""
    home = build_directory(environment, MODULE)
    cache = cache_root(environment)

    def fetch(target: Path, part: Part) -> None:
        go = find_go(environment, MODULE) or fetch_go(cache, environment, progress)
        _fetch(target, go, environment, part)

    home.parent.mkdir(parents=True, exist_ok=True)
    fill_once(home, "fetching the Gateway API (Go module, 6 MB)", progress, fetch)
    return home / CRD


def _fetch(target: Path, go: Go, environment: Mapping[str, str], part: Part) -> None:
    """Leaves the manifest alone in the directory."""
    source, modules = target.parent / "source", target.parent / "modules"
    source.mkdir()
    target.mkdir()
    for name in ("go.mod", "go.sum"):
        shutil.copy(MODULE / name, source)
    module = f"{SOURCE}@{pinned_version(SOURCE, MODULE)}"
    around = go.environment(environment) | {"GOMODCACHE": str(modules), "GOFLAGS": "-modcacherw"}
    log = build_directory(environment, MODULE).with_suffix(".log")
    hint = "see that the Go module proxy can be reached"
    run_in_part([str(go.executable), "mod", "download", module], part, log, around, hint, source)
    shutil.copy(modules / module / "config" / "crd" / "standard" / CRD, target)
