"""Makes something of a pinned Go module, once for all checkouts: a folder with a `go.mod` and a `go.sum`."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.commands import run_in_part
from dev.layout import build_directory, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.toolchain import Go, go_for

STRIPPED = "-ldflags=-s -w"


@dataclass(frozen=True)
class GoModule:
    """A module of ours that pins another's."""

    folder: Path
    label: str
    """What is shown while it is made, and how long that takes."""
    hint: str
    """What to do where it fails."""

    def home(self, environment: Mapping[str, str]) -> Path:
        """Where what was made is; it need not be there yet."""
        return build_directory(environment, self.folder)

    def ensure(
        self, environment: Mapping[str, str], progress: Progress, make: Callable[[Path, "GoCommand"], None]
    ) -> Path:
        """The directory that `make` has filled, now or before; raises DevError where it cannot."""
        home = self.home(environment)

        def fill(target: Path, part: Part) -> None:
            go = go_for(self.folder, cache_root(environment), environment, progress)
            target.mkdir()
            make(target, GoCommand(self, go, environment, part))

        home.parent.mkdir(parents=True, exist_ok=True)
        fill_once(home, self.label, progress, fill)
        return home


@dataclass(frozen=True)
class GoCommand:
    """Go, as it is run for a module."""

    module: GoModule
    go: Go
    environment: Mapping[str, str]
    part: Part

    def __call__(self, *arguments: str, directory: Path, **around: str) -> None:
        """Run it to its end in a directory; raises DevError, with the hint, where it fails."""
        command = [str(self.go.executable), *arguments]
        log = self.module.home(self.environment).with_suffix(".log")
        environment = self.go.environment(self.environment) | around
        run_in_part(command, self.part, log, environment, self.module.hint, directory)

    def copy_to(self, directory: Path) -> Path:
        """A new directory with the module's two files, in which Go may write."""
        directory.mkdir()
        for name in ("go.mod", "go.sum"):
            shutil.copy(self.module.folder / name, directory)
        return directory
