"""How a command of the plugin ends when it could not do what was asked."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts may rely on; 2 is a usage error, as everywhere."""

    OK = 0
    """Done, or nothing was left to do."""
    REFUSED = 1
    """The API server refused it, or something failed that has no code of its own."""
    NOT_FOUND = 3
    FORBIDDEN = 4
    """RBAC or an admission policy says that this person may not."""
    UNREACHABLE = 5
    """The API server does not answer, or there is no kubectl."""
    INTERRUPTED = 130
    """Ctrl-C, as shells have it."""


class Failed(Exception):
    """What is said on standard error, and the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Conflict(Failed):
    """The object changed since it was read."""


class Exists(Failed):
    """An object of this name is there already."""


class Invalid(Failed):
    """What a file or an object says cannot be used."""
