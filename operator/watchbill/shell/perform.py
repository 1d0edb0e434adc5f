"""Performs effects, and turns what happens into outcomes."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from watchbill.api.connection import VENDOR_FIELDS, Connection
from watchbill.api.incident_status import Page
from watchbill.api.reasons import Reason
from watchbill.core.effects import (
    ChannelEffect,
    ConnectionKey,
    CreateChannel,
    Effect,
    SendPage,
    connection_of,
    hop_of,
    key_of,
)
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.references import granted, ungranted
from watchbill.providers.chats import CHATS
from watchbill.providers.contract import Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.shell.cache import Cache, ObjectKey
from watchbill.shell.clock import Clock
from watchbill.shell.fresh import FRESH_READ, FreshReads
from watchbill.shell.guard import guarded
from watchbill.shell.kube import Kube, KubeError, NotFound
from watchbill.shell.metrics import Metrics
from watchbill.shell.observe import Deliver
from watchbill.shell.order import Order
from watchbill.shell.paths import path_of
from watchbill.shell.rush import Rush
from watchbill.shell.secrets import SecretProblem, SecretReader, fingerprint
from watchbill.shell.send import Sender

log = structlog.get_logger(__name__)

OnOutcome = Callable[[ObjectKey, Outcome | None], None]
"""Called in the loop when an effect has ended; None where it was not wanted any more."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What effects are performed with."""

    sender: Sender
    secrets: SecretReader
    cache: Cache
    kube: Kube
    clock: Clock
    metrics: Metrics
    deliver: Deliver
    fresh: FreshReads
    knows_all: Callable[[], bool]
    """Whether every incident has been seen."""
    tell: Callable[[SendPage], None]
    """Posts an Event for a page that is only written down."""


class Performer:
    """Performs effects side by side; those of one incident through one connection one after the other."""

    def __init__(self, outside: Outside, may_act: Callable[[], bool], on_outcome: OnOutcome) -> None:
        self._outside = outside
        self._may_act = may_act
        self._on_outcome = on_outcome
        self._rush = Rush(outside.clock.monotonic)
        self._locks: dict[str, defaultdict[ConnectionKey, asyncio.Lock]] = {}
        self._flying: dict[str, dict[tuple[str, str], Effect]] = {}
        """By the uid of the incident, then by (key, action)."""
        self._tasks: set[asyncio.Task[Outcome | None]] = set()

    def in_rush(self) -> bool:
        """Whether many pages leave at the moment."""
        return self._rush.under_way()

    def in_flight(self, uid: str) -> frozenset[tuple[str, str]]:
        """(key, action) of what is being performed for an incident."""
        return frozenset(self._flying.get(uid, ()))

    def pages_in_flight(self, uid: str) -> tuple[Page, ...]:
        """The pages that are being sent for an incident."""
        effects = self._flying.get(uid, {}).values()
        return tuple(effect.page for effect in effects if isinstance(effect, SendPage))

    def start(self, order: Order) -> asyncio.Task[Outcome | None]:
        """Begin to perform an effect; the task ends when its outcome, which it returns, has been handed over.

        An effect that was not wanted any more when its turn came has none.
        """
        effect = order.effect
        key = key_of(effect)
        self._flying.setdefault(effect.incident.uid, {})[key, effect.action] = effect
        if isinstance(effect, SendPage):
            self._rush.page_leaves()
        task = asyncio.create_task(self._run(order), name=f"{effect.action} {key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, grace: float) -> None:
        """Wait for what is in flight, at most this many seconds."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace)

    async def _run(self, order: Order) -> Outcome | None:
        effect = order.effect
        failed = Verdict(Result.UNKNOWN, reason="InternalError"), ""
        what = {"key": key_of(effect), "action": effect.action}
        verdict, credential = await guarded(self._verdict(order), failed, **what)
        outcome = None
        if verdict is not None:
            self._measure(effect, verdict)
            outcome = Outcome(
                effect=effect,
                result=verdict.result,
                time=self._outside.clock.now(),
                after=verdict.after,
                reason=verdict.reason,
                message=verdict.message,
                external_id=verdict.external_id,
                name=verdict.name,
                url=verdict.url,
                credential=credential,
            )
        self._landed(effect)
        self._on_outcome(order.key, outcome)
        return outcome

    def _landed(self, effect: Effect) -> None:
        uid = effect.incident.uid
        flying = self._flying.get(uid, {})
        flying.pop((key_of(effect), effect.action), None)
        if not flying:
            self._flying.pop(uid, None)
            self._locks.pop(uid, None)

    async def _verdict(self, order: Order) -> tuple[Verdict | None, str]:
        """What became of the effect, and a fingerprint of the credential that it was made with."""
        effect = order.effect
        where = connection_of(effect)
        locks = self._locks.setdefault(effect.incident.uid, defaultdict(asyncio.Lock))
        async with locks[where]:
            # An epoch's first page follows at once from what was just told (DESIGN §4, rule 5).
            if isinstance(effect, SendPage) and not effect.first_of_epoch:
                fresh = self._outside.fresh
                if not await fresh.is_unchanged(order.key, effect.incident.uid, order.holds_for):
                    return None, ""
            try:
                connection = await self._connection(where)
            except KubeError as error:
                return Verdict(Result.RETRY, reason="ConnectionUnread", message=str(error)), ""
            if connection is None:
                text = f"connection {where.namespace}/{where.name} is not there"
                return Verdict(Result.PERMANENT, reason="RefNotFound", message=text), ""
            if isinstance(effect, SendPage) and not _is_granted(effect, connection):
                text = ungranted("connection", where, effect.referrer)
                return Verdict(Result.PERMANENT, reason=Reason.REF_NOT_PERMITTED, message=text), ""
            return await self._attempt(order, connection)

    async def _connection(self, where: ConnectionKey) -> Connection | None:
        """The connection; None where it is gone also by a fresh read, or cannot be read as one (rule 3)."""
        cache = self._outside.cache
        if not cache.knows(Connection.kind_name, *where):
            path = path_of(Connection.kind_name, *where)
            try:
                raw = await self._outside.kube.get(path, timeout=FRESH_READ)
            except NotFound:
                return None
            self._outside.deliver(Connection.kind_name, None, raw)
        return cache.read(Connection, *where)

    async def _attempt(self, order: Order, connection: Connection) -> tuple[Verdict | None, str]:
        try:
            values = await self._values(connection)
            verdict = await self._send(order, connection, values)
            if verdict is not None and verdict.result == Result.AUTH and values:
                again = await self._reread(connection)
                if again != values:
                    values = again
                    verdict = await self._send(order, connection, values)
        except SecretProblem as problem:
            return Verdict(Result.AUTH, reason=problem.reason, message=problem.message), ""
        except KubeError as error:
            return Verdict(Result.RETRY, reason="SecretUnread", message=str(error)), ""
        # Another address is another account: what stands open at the old one is not closed at the new.
        address = {"": _settings(connection).model_dump_json()}
        return verdict, fingerprint(order.effect.incident.uid, values | address)

    async def _send(self, order: Order, connection: Connection, values: dict[str, str]) -> Verdict | None:
        clock, began = self._outside.clock, 0.0

        def still_wanted() -> bool:
            """Asked when the send's turn has come: until then it waited for others, not for the vendor."""
            nonlocal began
            began = began or clock.monotonic()
            return self._is_wanted(order)

        vendor = connection.spec.vendor
        verdict = await self._sent(
            order.effect, vendor, Settings(_settings(connection), values), still_wanted
        )
        if verdict is not None and began:
            self._outside.metrics.notification_latency.labels(vendor).observe(clock.monotonic() - began)
        return verdict

    async def _sent(
        self, effect: Effect, vendor: str, settings: Settings, still_wanted: Callable[[], bool]
    ) -> Verdict | None:
        sender, rank = self._outside.sender, effect.incident.rank
        if isinstance(effect, ChannelEffect):
            chat = CHATS.get(vendor)
            if chat is None:
                return _unfit(vendor, "makes no channels")
            if isinstance(effect, CreateChannel) and effect.may_adopt and not self._outside.knows_all():
                text = "not every incident is known yet that the channel may belong to"
                return Verdict(Result.RETRY, after=timedelta(seconds=2), reason="NotSynced", message=text)
            return await sender.converse(chat, effect, settings, rank=rank, still_wanted=still_wanted)
        provider, since = PROVIDERS.get(vendor), self._outside.kube.unreachable_since
        if provider is None:
            return _unfit(vendor, "cannot carry pages")
        if isinstance(effect, SendPage) and since is not None and not effect.unseen_since:
            # The server went silent after the page was decided on.
            effect = replace(effect, unseen_since=since.strftime("%H:%M"))
        return await sender.attempt(provider, effect, settings, rank=rank, still_wanted=still_wanted)

    async def _values(self, connection: Connection) -> dict[str, str]:
        namespace = connection.metadata.namespace or ""
        refs = connection.spec.secret_refs
        read = self._outside.secrets.read
        return {path: await read(namespace, ref.name, ref.key) for path, ref in refs.items()}

    async def _reread(self, connection: Connection) -> dict[str, str]:
        for ref in connection.spec.secret_refs.values():
            self._outside.secrets.invalidate(connection.metadata.namespace or "", ref.name)
        return await self._values(connection)

    def _is_wanted(self, order: Order) -> bool:
        """Whether this process may still act, and nobody has said anything else of the incident since."""
        if not self._may_act():
            return False
        if not isinstance(order.effect, SendPage):
            return True
        version = self._outside.cache.version(order.key)
        if version is None or version.uid != order.effect.incident.uid:
            return False
        raw = self._outside.cache.get(*order.key)
        return raw is None or order.holds_for(raw)

    def _measure(self, effect: Effect, verdict: Verdict) -> None:
        metrics, where = self._outside.metrics, connection_of(effect)
        # The ledger keeps a hop's latest attempt; every one of them stands in the log (DESIGN §7).
        log.info(
            "attempted",
            incident=f"{effect.incident.namespace}/{effect.incident.name}",
            action=effect.action,
            page="" if isinstance(effect, ChannelEffect) else effect.page.id,
            connection=f"{where.namespace}/{where.name}",
            key=key_of(effect),
            result=verdict.result.value,
            reason=verdict.reason,
            externalID=verdict.external_id,
        )
        connection = self._outside.cache.read(Connection, where.namespace, where.name)
        vendor = connection.spec.vendor if connection else "unknown"
        metrics.notifications.labels(vendor).inc()
        if effect.channel.attempts if isinstance(effect, ChannelEffect) else hop_of(effect).attempts:
            metrics.notification_retries.labels(vendor).inc()
        if verdict.result != Result.OK:
            metrics.notifications_failed.labels(vendor, verdict.reason or verdict.result.value).inc()
        elif isinstance(effect, SendPage):
            if hop_of(effect).unreal:
                self._outside.tell(effect)
            late = self._outside.clock.now() - effect.page.due_time
            delay = metrics.escalation_step_delay.labels(vendor, "fallback" if effect.hop else "first")
            delay.observe(max(late.total_seconds(), 0.0))


def _is_granted(effect: SendPage, connection: Connection) -> bool:
    """Whether the page may go through the connection as it is now; it was planned when it may have been."""
    home = connection.metadata.namespace or ""
    return granted(home, connection.spec.allowed_namespaces, effect.referrer or home)


def _unfit(vendor: str, why: str) -> Verdict:
    return Verdict(Result.PERMANENT, reason="InvalidSpec", message=f"a {vendor} connection {why}")


def _settings(connection: Connection) -> Any:
    """The settings of the vendor that is set."""
    return getattr(connection.spec, VENDOR_FIELDS[connection.spec.vendor])
