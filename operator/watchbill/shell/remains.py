"""What is left to do outside for an incident that is gone (DESIGN §4, rule 18)."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from pydantic import ValidationError

from watchbill.api.incident import Incident
from watchbill.core import abandon, ledger
from watchbill.core.backoff import CLOSING_ATTEMPTS, backoff
from watchbill.core.effects import ChannelEffect, Effect, ResolvePage, hop_of, key_of
from watchbill.core.outcomes import Result
from watchbill.core.record import REPEATS
from watchbill.shell.cache import ObjectKey, Raw
from watchbill.shell.clock import Clock
from watchbill.shell.observe import Observer
from watchbill.shell.order import Order
from watchbill.shell.perform import Performer
from watchbill.shell.unwritten import Unwritten

log = structlog.get_logger(__name__)


class Remains:
    """Closes what incidents that are gone left outside; no status is left to plan it by: it waits here."""

    def __init__(
        self,
        observer: Observer,
        performer: Performer,
        unwritten: Unwritten,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._observer = observer
        self._performer = performer
        self._unwritten = unwritten
        self._clock = clock
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()

    def resolve(self, key: ObjectKey, last: Raw) -> None:
        """Begin to resolve pages that may be open, be they not recorded yet or on their way (rule 1), and to
        archive the channel.
        """
        incident = self._last_known(key, last)
        if incident is None:
            return
        observation = self._observer.observe(incident)
        effects: tuple[Effect, ...] = (*abandon.resolves(observation), *abandon.archives(observation))
        for effect in effects:
            order = Order(key, effect, incident.metadata.generation)
            task = asyncio.create_task(self._tell(order), name=f"close {key_of(effect)}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Try nothing again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _last_known(self, key: ObjectKey, last: Raw) -> Incident | None:
        uid = last["metadata"]["uid"]
        if "spec" not in last:
            log.warning("an incident that rested is gone; close its pages by hand", name=key.name, uid=uid)
            return None
        try:
            incident = Incident.model_validate(last)
        except ValidationError:
            log.warning("an incident that cannot be read is gone; close its pages by hand", uid=uid)
            return None
        status = self._unwritten.start(key, incident, self._clock.now())
        status = ledger.with_missing(status, self._performer.pages_in_flight(uid))
        return incident.model_copy(update={"status": status})

    async def _tell(self, order: Order) -> None:
        """Tell the vendor, and again as often as a status would have it where the page may come in late."""
        effect = order.effect
        await self._attempt(order)
        if isinstance(effect, ResolvePage) and hop_of(effect).uncertain:
            for wait in REPEATS:
                await self._sleep(wait.total_seconds())
                await self._attempt(order)

    async def _attempt(self, order: Order) -> None:
        for attempt in range(1, CLOSING_ATTEMPTS + 1):
            outcome = await self._performer.start(order)
            if outcome is None or outcome.result in (Result.OK, Result.CONFLICT):
                return
            if outcome.result not in (Result.RETRY, Result.UNKNOWN):
                break
            await self._sleep(backoff(attempt, outcome.after).total_seconds())
        what = "the channel" if isinstance(order.effect, ChannelEffect) else "a page"
        log.error(
            f"{what} of an incident that is gone stays open; close it by hand", key=key_of(order.effect)
        )
