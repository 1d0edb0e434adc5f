"""Images without an engine or a registry: buildah, with a store of its own in the cache."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.commands import run_in_part
from dev.layout import cache_root
from dev.progress import Part

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine trusts: also who stands between it and the package index. No image keeps it."""


@dataclass(frozen=True)
class Buildah:
    """The commands of one build, whose output goes to one log."""

    environment: Mapping[str, str]
    part: Part
    log: Path

    def build(self, context: Path, tag: str, **arguments: str) -> None:
        """Builds the Dockerfile of the context under this name, with these ARGs."""
        command = ["bud", "--pull-never", "--layers", "--network=host", f"--tag={tag}"]
        if AUTHORITIES.exists():
            command.append(f"--volume={AUTHORITIES}:{AUTHORITIES}:ro")
        command += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        self._run([*command, str(context)], f"see why the Dockerfile in {context} does not build")

    def save(self, tag: str, archive: Path) -> None:
        """Writes the image as an archive that any engine loads."""
        command = ["push", "--quiet", tag, f"docker-archive:{archive}:{tag}"]
        self._run(command, "see that the disk has 1 GB free")

    def _run(self, arguments: list[str], hint: str) -> None:
        store = cache_root(self.environment) / "buildah"
        store.mkdir(parents=True, exist_ok=True)
        executable = shutil.which("buildah", path=self.environment.get("PATH")) or "buildah"
        command = [executable, f"--root={store / 'root'}", f"--runroot={store / 'run'}"]
        command += ["--storage-driver=overlay", *arguments]
        run_in_part(command, self.part, self.log, dict(self.environment), hint)
