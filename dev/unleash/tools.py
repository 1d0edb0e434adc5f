"""Unleash from npm, installed once from its lock file into our cache, and the PostgreSQL of the machine."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.commands import run_in_part
from dev.errors import DevError
from dev.layout import cache_root
from dev.once import fill_once
from dev.progress import Part, Progress

PACKAGES = Path(__file__).resolve().parent
"""Where package.json, its lock file and .npmrc are, which pin Unleash: of 7.x, which is Apache-2.0."""

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the servers, each version below its number; they are not on the path."""


@dataclass(frozen=True)
class Tools:
    """Where the tools are."""

    node: Path
    unleash: Path
    """The directory that holds Unleash's `node_modules`."""
    postgresql: Path
    """The directory that holds `initdb` and `postgres`."""


def ensure_tools(environment: Mapping[str, str], progress: Progress, debian: Path = DEBIAN) -> Tools:
    """The tools, Unleash installed where it is not found; raises DevError where one cannot be had."""
    postgresql = find_postgresql(environment, debian)
    node, npm = (shutil.which(name, path=environment.get("PATH")) for name in ("node", "npm"))
    if node is None or npm is None:
        raise DevError("Unleash needs Node.js 20 or newer with npm (Debian: nodejs, npm).")
    digest = hashlib.sha256((PACKAGES / "package-lock.json").read_bytes()).hexdigest()[:16]
    home = cache_root(environment) / "unleash" / digest

    def install(target: Path, part: Part) -> None:
        target.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(PACKAGES / name, target)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        log = home.with_suffix(".log")
        run_in_part(command, part, log, dict(environment), "let npm reach its registry", target)

    home.parent.mkdir(parents=True, exist_ok=True)
    fill_once(home, "installing Unleash (npm, 190 MB)", progress, install)
    return Tools(Path(node), home, postgresql)


def find_postgresql(environment: Mapping[str, str], debian: Path = DEBIAN) -> Path:
    """The newest PostgreSQL of Debian, else the one on the path; raises DevError where there is none."""
    versions = [path.parent for path in debian.glob("*/bin/initdb") if path.parent.parent.name.isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("initdb", path=environment.get("PATH"))
    if found is None:
        raise DevError("Unleash needs PostgreSQL (Debian: postgresql), and there is no initdb.")
    return Path(os.path.realpath(found)).parent
