"""The fresh read before a page: whoever took or ended the incident a moment ago must not be paged for it."""

from collections.abc import Callable

from watchbill.shell.cache import Cache, ObjectKey, Raw
from watchbill.shell.kube import Kube, KubeError, NotFound
from watchbill.shell.paths import path_of

FRESH_READ = 2.0
"""Seconds that a fresh read may take before the page is sent without it (DESIGN §4, rule 5).

So a page is never sent on what is known to be older, and a read that began no longer ago is fresh.
"""


class FreshReads:
    """Reads incidents by a quorum, and knows of what was read so a moment ago."""

    def __init__(self, kube: Kube, cache: Cache, monotonic: Callable[[], float]) -> None:
        self._kube = kube
        self._cache = cache
        self._monotonic = monotonic
        self._began: dict[ObjectKey, float] = {}

    @property
    def moment(self) -> float:
        """Now, as `note` takes it."""
        return self._monotonic()

    def note(self, key: ObjectKey, began: float) -> None:
        """Take note that a list by a quorum, which began at this moment, has told of the incident."""
        self._began[key] = began

    def forget(self) -> None:
        """Forget what lists have told: it is not fresh any more."""
        self._began.clear()

    async def is_unchanged(self, key: ObjectKey, uid: str, holds_for: Callable[[Raw], bool]) -> bool:
        """Whether it is still this incident, and what was decided on it holds for what is said of it now.

        True also where the API server cannot be asked, or does not answer in time.
        """
        began = self._began.pop(key, float("-inf"))
        if self._kube.unreachable_since is not None or self.moment - began < FRESH_READ:
            return True
        try:
            raw = await self._kube.get(path_of(*key), timeout=FRESH_READ)
        except NotFound:
            return False
        except KubeError:
            return True
        if raw["metadata"]["uid"] != uid:
            return False
        self._cache.upsert(key.kind, raw)
        return holds_for(raw)
