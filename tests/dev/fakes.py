"""Stand-ins for go and for the servers, written as scripts into a directory of the test."""

import os
from pathlib import Path

from dev.build import PARTS, pinned_version

VERSION = {part.name: pinned_version(part.module).removeprefix("v") for part in PARTS}


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def binaries(directory: Path) -> Path:
    """A directory that holds all three binaries, as envtest lays them out."""
    for name in VERSION:
        script(directory / name, "exit 0")
    return directory


def fake_go(directory: Path, on_build: str = "", version: str = "go1.26.8", says: str = "") -> Path:
    """A go that notes in `calls` which part it builds; `on_build` can make it slow or fail."""
    wanted = f"case $name in etcd) v={VERSION['etcd']} ;; *) v={VERSION['kubectl']} ;; esac"
    script(
        directory / "go",
        f"""
if [ "$1" = env ]; then echo {version}; exit 0; fi
while [ $# -gt 1 ]; do [ "$1" = -o ] && target=$2; shift; done
name=$(basename "$target")
echo "$name" >> {directory}/calls
{wanted}
{on_build}
printf '#!/bin/sh\\necho version %s\\n' "{says or "$v"}" > "$target"
chmod 755 "$target"
""",
    )
    return directory


def calls(directory: Path) -> list[str]:
    """Which parts the fake go was asked to build, in order."""
    noted = directory / "calls"
    return noted.read_text().split() if noted.exists() else []


def environment(tmp_path: Path, go: Path | None = None) -> dict[str, str]:
    """An environment with a cache of its own and, if given, this go."""
    path = [] if go is None else [str(go)]
    return {
        "PATH": os.pathsep.join([*path, "/usr/bin", "/bin"]),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
