"""A stand-in for the image `python:3.13-slim` where no registry can be asked: Debian and its own Python 3.13.

It shows that the Dockerfile's steps work and that the operator runs as an image; the official one has another
build of Python.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from dev.commands import run_in_part
from dev.layout import cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.realcluster.buildah import Buildah

TAG = "docker.io/library/python:3.13-slim"
"""The name by which the Dockerfile calls it."""

SUITE = "trixie"
PACKAGES = "ca-certificates,passwd,python3.13,python3.13-venv,python3-pip"
UNWANTED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")

# Python by the names and in the place where the official image has it; nothing of apt's that only apt reads.
_AFTERWARDS = """
rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED "$1"/etc/resolv.conf "$1"/etc/hostname
for name in python python3; do ln -s /usr/bin/python3.13 "$1/usr/local/bin/$name"; done
ln -s /usr/bin/pip3 "$1"/usr/local/bin/pip
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log
"""
_DOCKERFILE = """FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""


def recipe() -> str:
    """What tells this stand-in from one that is made otherwise."""
    text = repr((SUITE, PACKAGES, UNWANTED, _AFTERWARDS, _DOCKERFILE))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ensure_files(environment: Mapping[str, str], progress: Progress) -> Path:
    """The folder with the files of the stand-in and a Dockerfile, fetched where they are not found."""
    home = cache_root(environment) / "base" / recipe()
    home.parent.mkdir(parents=True, exist_ok=True)

    def fetch(target: Path, part: Part) -> None:
        target.mkdir()
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", f"--include={PACKAGES}"]
        command += [f"--dpkgopt=path-exclude={each}" for each in UNWANTED]
        command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
        command += [f"--customize-hook={_AFTERWARDS}", SUITE, str(target / "rootfs.tar")]
        hint = "see that the Debian archive can be reached"
        run_in_part(command, part, home.with_suffix(".log"), dict(environment), hint)
        (target / "Dockerfile").write_text(_DOCKERFILE)

    fill_once(home, "fetching Debian's Python 3.13 (about 30 s)", progress, fetch)
    return home


def build_base(buildah: Buildah, files: Path) -> None:
    """Has the stand-in in the store under the name of the real one."""
    buildah.build(files, TAG)
