"""What makes a control plane: processes on this machine, or kind."""

from pathlib import Path
from typing import Protocol

from dev.access import Access


class Provider(Protocol):
    """Makes and ends one control plane."""

    @property
    def kubectl(self) -> Path:
        """The kubectl to use with it."""

    def prepare(self) -> None:
        """Has at hand what a start needs, or raises DevError; nothing runs yet."""

    def serve(self) -> Access:
        """Starts it and returns once it answers; what is half started is for `halt` to end."""

    def running(self) -> Access | None:
        """How the one that runs already is reached, or None."""

    def halt(self) -> None:
        """Ends whatever runs of it, also after a start that was interrupted."""
