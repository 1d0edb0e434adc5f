"""What is fetched or built once for all checkouts."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from dev.locks import locked
from dev.progress import Part, Progress


def fill_once(home: Path, label: str, progress: Progress, fill: Callable[[Path, Part], None]) -> None:
    """Fills the directory, which is there whole or not at all, however often this is interrupted."""
    if home.exists():
        return
    with locked(home.parent / ".lock", progress, f"waiting for another checkout that is {label}"):
        if home.exists():
            return
        for left in home.parent.glob(".installing-*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=".installing-", dir=home.parent) as fresh:
            target = Path(fresh) / "installed"
            with progress.part(label) as part:
                fill(target, part)
            os.rename(target, home)
