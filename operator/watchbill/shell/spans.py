"""One incident is one trace: each look at it and each send is a span, under an id that all processes know.

Nothing here knows OpenTelemetry, and a process that is not asked for traces has none of this.
"""

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Protocol

import structlog

from watchbill.core.effects import ChannelEffect, ConnectionKey, PageEffect, connection_of
from watchbill.core.outcomes import Result
from watchbill.providers.contract import ChatProvider, Provider, Settings, Verdict
from watchbill.shell.app import Surroundings
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.queue import Reconcile
from watchbill.shell.send import Sender, StillWanted

TRACED = frozenset({"Incident", "IncidentUpdate", "RunbookRun"})
"""The kinds that are an incident, or about one; the others would be traces without an end."""


class Span(Protocol):
    """Something that takes time, while it does."""

    def tell(self, **attributes: str) -> None:
        """Add what is known of it by now; nothing that may be secret."""

    def fail(self, reason: str) -> None:
        """Say in a word why it did not come to what it was for."""


class Spans(Protocol):
    """Where spans go."""

    def span(self, name: str, uid: str, attributes: Mapping[str, str]) -> AbstractContextManager[Span]:
        """A span of the trace of the object with this UID, until the block ends."""

    def close(self) -> None:
        """Have what is left sent, for 2 s at most."""


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables of OpenTelemetry name a place to which traces go."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    off = off or environment.get("OTEL_TRACES_EXPORTER") == "none"
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return not off and any(environment.get(name) for name in names)


def trace_id(uid: str) -> int:
    """The UID itself, which has as many bits as the id of a trace; the digest of a text that is no UUID."""
    try:
        return uuid.UUID(uid).int
    except ValueError:
        return int.from_bytes(sha256(uid.encode()).digest()[:16])


def traced(spans: Spans) -> Surroundings:
    """The surroundings of a process whose looks and sends are spans."""
    return Surroundings(sender=partial(TracedSender, spans), reconcile=partial(_traced, spans))


def _traced(spans: Spans, reconcile: Reconcile, cache: Cache) -> Reconcile:
    async def look(key: ObjectKey) -> timedelta | None:
        uid = _about(key, cache) if key.kind in TRACED else ""
        if not uid:
            return await reconcile(key)
        # The context is that of the reconcile's own task.
        structlog.contextvars.bind_contextvars(trace_id=f"{trace_id(uid):032x}")
        what = {"k8s.namespace.name": key.namespace, "watchbill.name": key.name}
        with spans.span(f"reconcile {key.kind}", uid, what):
            return await reconcile(key)

    return look


def _about(key: ObjectKey, cache: Cache) -> str:
    """The UID of the incident that an object is or is about, or its own where it names none.

    Empty where that is not known yet: it would begin a trace of its own.
    """
    raw = cache.get(*key) if key.kind != "Incident" else None
    ref = ((raw or {}).get("spec") or {}).get("incidentRef") or {}
    found = cache.version(ObjectKey("Incident", key.namespace, ref.get("name", "")) if ref else key)
    return found.uid if found is not None else ""


class TracedSender(Sender):
    """Sends as every sender does, and each send is a span, with the time that it waits for its turn."""

    def __init__(self, spans: Spans, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self._spans = spans

    async def attempt(
        self,
        provider: Provider,
        effect: PageEffect,
        settings: Settings,
        *,
        rank: int,
        still_wanted: StillWanted,
    ) -> Verdict | None:
        """What became of one send."""
        with self._span(effect, provider.name) as span:
            verdict = await super().attempt(provider, effect, settings, rank=rank, still_wanted=still_wanted)
            _tell(span, verdict)
            return verdict

    async def converse(
        self,
        chat: ChatProvider,
        effect: ChannelEffect,
        settings: Settings,
        *,
        rank: int,
        still_wanted: StillWanted,
    ) -> Verdict | None:
        """What became of an exchange."""
        with self._span(effect, chat.name) as span:
            verdict = await super().converse(chat, effect, settings, rank=rank, still_wanted=still_wanted)
            _tell(span, verdict)
            return verdict

    def _span(self, effect: PageEffect | ChannelEffect, integration: str) -> AbstractContextManager[Span]:
        where: ConnectionKey = connection_of(effect)
        what = {
            "k8s.namespace.name": effect.incident.namespace,
            "watchbill.name": effect.incident.name,
            "watchbill.connection": f"{where.namespace}/{where.name}",
        }
        if not isinstance(effect, ChannelEffect):
            what["watchbill.level"] = effect.page.level
        return self._spans.span(f"{effect.action} {integration}", effect.incident.uid, what)


def _tell(span: Span, verdict: Verdict | None) -> None:
    """What became of a send, without its message: that is in the vendor's words."""
    if verdict is None:
        span.tell(**{"watchbill.result": "dropped"})
        return
    span.tell(**{"watchbill.result": verdict.result.value})
    if verdict.result is not Result.OK:
        span.fail(verdict.reason or verdict.result.value)
