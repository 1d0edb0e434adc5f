"""Builds promtool, once for all checkouts, from the Go module in this folder.

To move to another version: `go get -tool github.com/prometheus/prometheus/cmd/promtool@VERSION` here.
"""

from collections.abc import Mapping
from pathlib import Path

from dev.gotool import STRIPPED, GoCommand, GoModule
from dev.progress import Progress
from dev.toolchain import REPRODUCIBLE

PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"
MODULE = GoModule(
    Path(__file__).resolve().parent,
    "building promtool (about 3 min on 2 cores)",
    "see that the Go module proxy can be reached and the disk has 3 GB free",
)

# It finds no targets for us, and what finds them in clouds is half of what would be compiled.
_TAGS = "-tags=remove_all_sd"


def find_promtool(environment: Mapping[str, str]) -> Path | None:
    """The binary, or None where it has not been built."""
    binary = MODULE.home(environment) / "promtool"
    return binary if binary.exists() else None


def ensure_promtool(environment: Mapping[str, str], progress: Progress) -> Path:
    """The binary, built where it is not found."""
    return MODULE.ensure(environment, progress, _build) / "promtool"


def _build(target: Path, go: GoCommand) -> None:
    options = ("-mod=readonly", *REPRODUCIBLE, STRIPPED, _TAGS)
    go("build", *options, "-o", f"{target}/", PACKAGE, directory=MODULE.folder)
