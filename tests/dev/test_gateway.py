"""The Gateway API's CRD is fetched once from its pinned module, whole or not at all."""

import io
from pathlib import Path

import pytest

from dev.build import pinned_version
from dev.errors import DevError
from dev.gateway.crds import CRD, MODULE, SOURCE, ensure_http_route
from dev.progress import Progress
from tests.dev.fakes import environment, script

VERSION = pinned_version(SOURCE, MODULE.folder)


def go(tmp_path: Path, on_download: str = "") -> dict[str, str]:
    """An environment whose go lays down the module that it is asked for, and notes each command."""
    script(
        tmp_path / "go" / "go",
        f"""
[ "$1" = env ] && {{ echo go1.26.8; exit 0; }}
echo "$*" >> {tmp_path}/calls
[ -s go.sum ] || {{ echo 'there is nothing to hold it against'; exit 1; }}
{on_download}
mkdir -p "$GOMODCACHE/$3/config/crd/standard"
echo fetched > "$GOMODCACHE/$3/config/crd/standard/{CRD}"
""",
    )
    return environment(tmp_path, tmp_path / "go")


def test_it_is_fetched_and_found_from_then_on(tmp_path: Path):
    around = go(tmp_path)
    manifest = ensure_http_route(around, Progress(io.StringIO()))
    assert manifest.read_text() == "fetched\n"
    assert [path.name for path in manifest.parent.iterdir()] == [CRD]
    assert ensure_http_route(around, Progress(io.StringIO())) == manifest
    assert (tmp_path / "calls").read_text() == f"mod download {SOURCE}@{VERSION}\n"


def test_a_module_that_is_not_the_pinned_one_says_so_and_leaves_nothing(tmp_path: Path):
    around = go(tmp_path, "echo 'checksum mismatch'; exit 1")
    with pytest.raises(DevError, match="checksum mismatch"):
        ensure_http_route(around, Progress(io.StringIO()))
    go(tmp_path)
    assert ensure_http_route(around, Progress(io.StringIO())).exists()
