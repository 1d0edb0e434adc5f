"""What a provider must do. It builds requests and reads answers; it never sends."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from watchbill.core.effects import ChannelEffect, PageEffect
from watchbill.core.outcomes import Result

Capability = Literal["acknowledge", "resolve"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that must appear in no log line and no error; the other fields may hold them."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A page that is only written down, for the console provider."""

    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, complete, and the server that takes it."""

    host: str
    port: int
    tls: Literal["StartTLS", "Implicit", "None"]
    sender: str
    recipients: tuple[str, ...]
    message: bytes = field(repr=False)
    """Header and body in ASCII, with CRLF at the end of each line."""
    username: str = field(default="", repr=False)
    """Empty where the server wants nobody to log in."""
    password: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that must appear in no log line and no error."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of HTTP, or the reply of SMTP that settled what becomes of a mail."""

    status: int
    headers: Mapping[str, str]
    """Header names are in lower case. SMTP has one, `command`: what the reply was to."""
    body: bytes
    refused: Mapping[str, str] = field(default_factory=dict)
    """What an SMTP server said of each recipient that it refused, by address."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many sends a vendor takes through one connection."""

    burst: int
    """So many at once."""
    per_second: float
    """So many from then on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means."""

    result: Result
    after: timedelta | None = None
    reason: str = ""
    message: str = ""
    external_id: str = ""
    name: str = ""
    """The name of what was made, where it may not be the one that was asked for."""
    url: str = ""
    """Where people find what was made."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request: what it means, and the answer where there was one."""

    verdict: Verdict
    response: Response | None = None


Talk = Generator[Request, Reply, Verdict]
"""An exchange of several requests: it yields each, takes its reply, and returns what came of the whole."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A Connection's vendor settings, and its secrets by their path, such as webhook.urlSecretRef."""

    vendor: Any
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class Provider(Protocol):
    """A paging vendor."""

    name: str
    """The vendor's field in Connection.spec, such as pagerDuty."""
    unkeyed: bool
    """Whether the vendor knows no idempotency key; True until a test shows otherwise."""
    real: bool
    """Whether a page reaches a person."""
    capabilities: frozenset[Capability]
    rate: Rate
    """How fast the vendor takes pages, with its source."""

    def build(self, effect: PageEffect, settings: Settings, now: datetime) -> Request | LogLine | Mail:
        """The request that performs the effect; raises Misconfigured for settings that cannot work."""
        ...

    def parse(self, response: Response, now: datetime) -> Verdict:
        """What the vendor's answer means."""
        ...


class ChatProvider(Protocol):
    """A vendor of chat channels."""

    name: str
    """The vendor's field in Connection.spec, such as slack."""
    rate: Rate
    """How fast the vendor takes requests, with its source."""

    def talk(self, effect: ChannelEffect, settings: Settings, now: datetime) -> Talk:
        """The exchange that performs the effect; raises Misconfigured for settings that cannot work."""
        ...

    def parse(self, response: Response, now: datetime) -> Verdict:
        """What the vendor's answer to any one request means."""
        ...


class Misconfigured(ValueError):
    """Settings that can never work; the message names the field and is safe to show."""

    def __init__(self, path: str, message: str) -> None:
        """Say which field under `spec` is wrong and how."""
        super().__init__(f"spec.{path}: {message}")
        self.path = path
