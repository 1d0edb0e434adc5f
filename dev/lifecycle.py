"""What is started and stopped, and used in a `with` block."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Started(ABC):
    """Something that starts with a `with` block, and ends with it whatever happens inside."""

    @abstractmethod
    def start(self) -> Self:
        """Itself, started."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it; nothing happens where it does not run."""

    def __enter__(self) -> Self:
        """Itself, started."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self.stop()
