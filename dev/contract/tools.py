"""Prism, flagd's evaluation core and mitmproxy, installed once from their lock files into our cache."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.commands import run_in_part
from dev.errors import DevError
from dev.layout import REPOSITORY, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress

PACKAGES = Path(__file__).resolve().parent
"""Where package.json, its lock file and .npmrc are, which pin Prism and flagd's core."""

REQUIREMENTS = REPOSITORY / "requirements" / "contract.txt"
"""What pins mitmproxy."""

OLDEST_NODE = (18, 20, 1)
"""The oldest Node.js that Prism runs on, as its package.json says."""

_NEED = "The contract tests need Node.js {} or newer with npm (Debian: nodejs, npm)".format(
    ".".join(map(str, OLDEST_NODE))
)


@dataclass(frozen=True)
class Tools:
    """Where the tools are."""

    node: Path
    packages: Path
    """The directory that holds the `node_modules` of Prism and of flagd's evaluation core."""
    mitmproxy: Path
    """A directory to put on the path of this Python."""


def ensure_tools(environment: Mapping[str, str], progress: Progress) -> Tools:
    """The tools, installed where they are not found; raises DevError where one cannot be had."""
    node = find_node(environment)
    packages = cache_root(environment) / "npm" / _digest(PACKAGES / "package-lock.json")
    mitmproxy = cache_root(environment) / "mitmproxy" / _digest(REQUIREMENTS, _python())
    around = dict(environment)

    def install_packages(target: Path, part: Part) -> None:
        npm = shutil.which("npm", path=environment.get("PATH"))
        if npm is None:
            raise DevError(f"{_NEED}, and PATH has no npm.")
        target.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(PACKAGES / name, target)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run_in_part(command, part, packages.with_suffix(".log"), around, "let npm reach its registry", target)

    def install_mitmproxy(target: Path, part: Part) -> None:
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes"]
        command += ["--compile-bytecode", "--python", sys.executable, "--target", str(target)]
        command += ["--requirements", str(REQUIREMENTS)]
        run_in_part(command, part, mitmproxy.with_suffix(".log"), around, "let uv reach PyPI")

    fill_once(packages, "installing Prism and flagd's core (npm, 90 MB)", progress, install_packages)
    fill_once(mitmproxy, "installing mitmproxy (110 MB)", progress, install_mitmproxy)
    return Tools(node, packages, mitmproxy)


def find_node(environment: Mapping[str, str]) -> Path:
    """The Node.js on the path; raises DevError where there is none that runs Prism."""
    found = shutil.which("node", path=environment.get("PATH"))
    if found is None:
        raise DevError(f"{_NEED}, and PATH has no node.")
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)\.(\d+)", answer.stdout)
    if version is None or tuple(map(int, version.groups())) < OLDEST_NODE:
        raise DevError(f"{_NEED}, and {found} is {answer.stdout.strip() or 'none'}.")
    return Path(found).absolute()


def _digest(lock: Path, more: str = "") -> str:
    return hashlib.sha256(lock.read_bytes() + more.encode()).hexdigest()[:16]


def _python() -> str:
    """What the wheels depend on: the Python, and the machine."""
    return f"{sys.implementation.cache_tag} {sys.platform} {platform.machine()}"
