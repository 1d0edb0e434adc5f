"""Fetches the CRD of HTTPRoute, once for all checkouts, from the Go module that this folder pins.

To move to another version: name it in `go.mod`, and run `go mod download` here.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.build import pinned_version
from dev.gotool import GoCommand, GoModule
from dev.progress import Progress

MODULE = GoModule(
    Path(__file__).resolve().parent,
    "fetching the Gateway API (Go module, 6 MB)",
    "see that the Go module proxy can be reached",
)
SOURCE = "sigs.k8s.io/gateway-api"
CRD = "gateway.networking.k8s.io_httproutes.yaml"


def ensure_http_route(environment: Mapping[str, str], progress: Progress) -> Path:
    """The manifest of the CRD, fetched and held against `go.sum` where it is not found."""
    return MODULE.ensure(environment, progress, _fetch) / CRD


def _fetch(target: Path, go: GoCommand) -> None:
    modules = target.parent / "modules"
    source = go.copy_to(target.parent / "source")
    module = f"{SOURCE}@{pinned_version(SOURCE, MODULE.folder)}"
    go("mod", "download", module, directory=source, GOMODCACHE=str(modules), GOFLAGS="-modcacherw")
    shutil.copy(modules / module / "config" / "crd" / "standard" / CRD, target)
