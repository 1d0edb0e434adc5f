"""What etcd's own log says of a run: each version of each incident, whoever wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.faults.stage import Stage
from tests.faults.team import INCIDENTS
from tests.support.apiserver.store import Change

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """The versions of all incidents of a run, in order."""

    changes: tuple[Change, ...]

    @property
    def uids(self) -> list[str]:
        """The UIDs of all incidents, in the order in which they were declared."""
        return list(dict.fromkeys(change.told["metadata"]["uid"] for change in self.changes))

    def versions(self, uid: str) -> list[Body]:
        """The versions of one incident."""
        return [c.after for c in self.changes if c.after and c.after["metadata"]["uid"] == uid]

    def statuses(self, uid: str) -> list[Body]:
        """The statuses that were written of one incident."""
        found: list[Body] = []
        for body in self.versions(uid):
            status = body.get("status", {})
            if status and (not found or found[-1] != status):
                found.append(status)
        return found

    @property
    def writes(self) -> int:
        """How often a status was written."""
        return sum(len(self.statuses(uid)) for uid in self.uids)

    def hops(self) -> Iterator[tuple[Body, Body]]:
        """(page, hop) of every version."""
        for uid in self.uids:
            for status in self.statuses(uid):
                for page in status.get("pages", ()):
                    for hop in page["hops"]:
                        yield page, hop


def history_of(stage: Stage) -> History:
    """All that was written of incidents; what the server was made to forget is in it too."""
    return History(tuple(each for each in stage.server.store.history if each.resource is INCIDENTS))
