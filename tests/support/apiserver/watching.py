"""Watches: what happens after a version, told in order, until the time is over or too much is forgotten."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tests.support.apiserver.answers import Refusal, bad_request, expired, unmodeled
from tests.support.apiserver.listing import of_metadata
from tests.support.apiserver.resources import Body, Resource
from tests.support.apiserver.store import Change, Store

LONGEST = 1800
"""Seconds that a watch lasts which does not say for how long: the least that the real server takes."""

BOOKMARKS = timedelta(minutes=1)
LAST_BOOKMARK = timedelta(seconds=2)
"""How long before the end the last bookmark is sent."""

INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Stream:
    """One watch; `drain` tells what there is to tell by now, and never waits."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        resource: Resource,
        namespace: str,
        query: Mapping[str, str],
    ) -> None:
        for name in ("labelSelector", "fieldSelector", "sendInitialEvents"):
            if query.get(name):
                raise unmodeled(f"{name} in watches")
        self._store, self._now = store, now
        self._resource = resource
        self._prefix = f"{namespace}/" if namespace else ""
        self._ready: list[Body] = []
        self._looked_at = 0
        """Up to which version nothing is news."""
        self._wants_bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self.deadline = now() + timedelta(seconds=_seconds(query) or LONGEST)
        """When it ends."""
        self.partial = False
        """Whether it tells of metadata alone."""
        self.ended = False
        """Whether it is over; what was drained before is all."""
        self._next_bookmark = self._bookmark_time()
        version = query.get("resourceVersion", "")
        if version in ("", "0"):
            self._begin()
        elif not version.isdecimal():
            message = f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": '
            raise Refusal(500, "", message + "invalid syntax")
        else:
            self._position = int(version)
        self._begun_at = store.version

    def drain(self) -> list[Body]:
        """The events since the last time; the last one is an ERROR where what comes next is forgotten."""
        events, self._ready = self._ready, []
        if self.ended:
            return events
        if self._position < self._store.compacted:
            self.fail(expired(f"too old resource version: {self._position} ({self._store.compacted})"))
            return events + self.drain()
        for change in self._store.since(self._position):
            self._position = change.version
            if self._concerns(change):
                told = of_metadata(change.told) if self.partial else change.told
                events.append({"type": change.type, "object": told})
        if self._next_bookmark is not None and self._now() >= self._next_bookmark:
            if self._store.version > self._begun_at:
                events.append(self._bookmark({}))
            self._next_bookmark = self._bookmark_time()
        self.ended = self._now() >= self.deadline
        return events

    @property
    def has_news(self) -> bool:
        """Whether something has happened that `drain` will tell of, or too much was forgotten."""
        if self._position < self._store.compacted:
            return True
        if any(map(self._concerns, self._store.since(max(self._position, self._looked_at)))):
            return True
        self._looked_at = self._store.version
        return False

    def fail(self, refusal: Refusal) -> None:
        """End it with an ERROR, which is told at the next `drain`."""
        self._ready.append({"type": "ERROR", "object": refusal.status})
        self.ended = True

    @property
    def seconds_left(self) -> float:
        """Until something happens to it by the passing of time alone."""
        until = min(self.deadline, self._next_bookmark or self.deadline)
        return max((until - self._now()).total_seconds(), 0.0)

    def _begin(self) -> None:
        self._position = self._store.version
        found = self._store.all(self._resource, self._prefix)
        self._ready = [{"type": "ADDED", "object": body} for _, body in found]
        if self._wants_bookmarks:
            self._ready.append(self._bookmark({"annotations": INITIAL_END}))

    def _concerns(self, change: Change) -> bool:
        return change.resource is self._resource and change.key.startswith(self._prefix)

    def _bookmark(self, metadata: Body) -> Body:
        self._position = max(self._position, self._store.version)
        told = {
            **self._resource.identity,
            "metadata": metadata | {"resourceVersion": str(self._position)},
        }
        return {"type": "BOOKMARK", "object": told}

    def _bookmark_time(self) -> datetime | None:
        now = self._now()
        moment = min(now + BOOKMARKS, self.deadline - LAST_BOOKMARK)
        return moment if self._wants_bookmarks and moment > now else None


def _seconds(query: Mapping[str, str]) -> int:
    text = query.get("timeoutSeconds", "0")
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error
