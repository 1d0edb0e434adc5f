"""The images of the cluster as archives in the cache: the operator's, and that of pods' sandboxes."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from dev.layout import REPOSITORY, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.realcluster import base
from dev.realcluster.addresses import SANDBOX
from dev.realcluster.binaries import ensure_pods
from dev.realcluster.buildah import Buildah
from dev.realcluster.needs import require_image_tools

TAG = "localhost/watchbill:dev"
FILES = ("Dockerfile", ".dockerignore", "LICENSE", "README.md", "pyproject.toml")
LOCKS = tuple(f"requirements/{name}.txt" for name in ("build", "runtime", "tracing"))
CONTEXT = (*FILES, *LOCKS, "operator")
"""What the operator's image is made of."""

KEPT = 4
"""How many archives of earlier states of the sources stay in the cache."""

_PAUSE = """FROM scratch
COPY pause /pause
USER 65535:65535
ENTRYPOINT ["/pause"]
"""


def ensure_image(environment: Mapping[str, str], progress: Progress, sources: Path = REPOSITORY) -> Path:
    """The archive of the operator's image, made of exactly these sources where it is not found."""
    home = cache_root(environment) / "image" / digest(sources)
    if not home.exists():
        require_image_tools(environment)
        files = base.ensure_files(environment, progress)
        home.parent.mkdir(parents=True, exist_ok=True)

        def build(target: Path, part: Part) -> None:
            buildah = Buildah(environment, part, home.with_suffix(".log"))
            base.build_base(buildah, files)
            buildah.build(sources, TAG, REVISION=_revision(sources))
            target.mkdir()
            buildah.save(TAG, target / "watchbill.tar")

        fill_once(home, "building the image (about 1 min)", progress, build)
        _forget(home.parent)
    return home / "watchbill.tar"


def ensure_pause(environment: Mapping[str, str], progress: Progress) -> Path:
    """The archive of the image that holds a pod's namespaces, made where it is not found."""
    pods = ensure_pods(environment, progress)
    home = cache_root(environment) / "pause" / pods.name
    home.parent.mkdir(parents=True, exist_ok=True)

    def build(target: Path, part: Part) -> None:
        require_image_tools(environment)
        target.mkdir()
        shutil.copy(pods / "pause", target)
        (target / "Dockerfile").write_text(_PAUSE)
        buildah = Buildah(environment, part, home.with_suffix(".log"))
        buildah.build(target, SANDBOX)
        buildah.save(SANDBOX, target / "pause.tar")

    fill_once(home, "building the image of pods' sandboxes", progress, build)
    return home / "pause.tar"


def digest(sources: Path) -> str:
    """A name for the content of the context, its base included: the same for the same files."""
    found = hashlib.sha256(base.recipe().encode())
    for path in sorted(_files(sources)):
        found.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _files(sources: Path) -> Iterable[Path]:
    for name in CONTEXT:
        top = sources / name
        inside = top.rglob("*") if top.is_dir() else [top]
        yield from (each for each in inside if each.is_file() and each.suffix != ".pyc")


def _revision(sources: Path) -> str:
    """The commit that the sources stand at, or `unknown`."""
    command = ["git", "-C", str(sources), "rev-parse", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def _forget(archives: Path) -> None:
    """Removes all but the newest archives."""
    whole = [each for each in archives.iterdir() if each.is_dir() and not each.name.startswith(".")]
    for old in sorted(whole, key=lambda each: each.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
