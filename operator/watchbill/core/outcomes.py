"""Everything that an effect can come back with, as data."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from watchbill.core.effects import Effect


class Result(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    RETRY = "retry"
    """Refused for now, and surely not delivered."""
    CONFLICT = "conflict"
    PERMANENT = "permanent"
    """Refused until the spec changes."""
    AUTH = "auth"
    """Refused until the Secret changes."""
    UNKNOWN = "unknown"
    """It may or may not have been delivered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt of one effect."""

    effect: Effect
    result: Result
    time: datetime
    after: timedelta | None = None
    """How long the vendor asks to wait, where it does."""
    reason: str = ""
    """One word for a failure, such as HTTP503 or Timeout."""
    message: str = ""
    """What went wrong, without secrets."""
    external_id: str = ""
    name: str = ""
    """The name of what was made, where it may not be the one that was asked for."""
    url: str = ""
    """Where people find what was made."""
    credential: str = ""
    """A fingerprint of the credential that was used."""
