"""Builds Alertmanager, once for all checkouts, from the Go module in this folder.

To move to another version: name it in `go.mod`, and run `go mod tidy` here.
"""

from collections.abc import Mapping
from pathlib import Path

from dev.gotool import STRIPPED, GoCommand, GoModule
from dev.progress import Progress
from dev.toolchain import REPRODUCIBLE

MODULE = GoModule(
    Path(__file__).resolve().parent,
    "building Alertmanager (about 1 min on 2 cores)",
    "see that the Go module proxy can be reached and the disk has 2 GB free",
)

_SOURCE = "github.com/prometheus/alertmanager"
# Alertmanager embeds its pages, which are compiled at a release and are no part of its Go module.
_PAGES = Path("vendor", *_SOURCE.split("/"), "ui", "app", "dist", "index.html")


def ensure_alertmanager(environment: Mapping[str, str], progress: Progress) -> Path:
    """The binary, built where it is not found; its web pages say that they are not there."""
    return MODULE.ensure(environment, progress, _build) / "alertmanager"


def _build(target: Path, go: GoCommand) -> None:
    source = go.copy_to(target.parent / "source")
    # It goes on past packages that cannot be embedded, such as the pages.
    go("mod", "vendor", "-e", directory=source)
    pages = source / _PAGES
    pages.parent.mkdir(parents=True)
    pages.write_text("This Alertmanager was built without its pages.\n")
    binary = str(target / "alertmanager")
    options = ("-mod=vendor", *REPRODUCIBLE, STRIPPED)
    go("build", *options, "-o", binary, f"{_SOURCE}/cmd/alertmanager", directory=source)
