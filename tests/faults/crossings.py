"""Where a fault can be placed: each crossing of a process's boundary, numbered in the order of a run."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import orjson

from tests.faults.virtual_time import Process
from tests.support.apiserver.reading import Request
from watchbill.shell.paths import resource_of

Kind = Literal["write", "read", "effect", "event"]
"""A request that changes something, one that reads one object, a request to a vendor, a watch's event."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One request or event, as the process meets it."""

    number: int
    kind: Kind
    label: str
    """What it is, the same in each run that has gone the same way."""
    process: str
    place: str = ""
    """What it is in fewer words, and for which time: the same where only details of a run differ."""


class Counted:
    """Numbers the crossings of a run; of a process's renewals of its lease the first one alone."""

    def __init__(self) -> None:
        self.all: list[Crossing] = []
        self._seen: Counter[str] = Counter()
        self._places: Counter[str] = Counter()
        self._leases: set[tuple[Process, str]] = set()

    def of_request(self, process: Process, request: Request) -> Crossing | None:
        """The crossing that a request to the API server is; None for lists, watches and mere renewals."""
        resource = resource_of(request.path)
        if request.method == "GET":
            if request.query or not request.path.rpartition("/")[2] or resource not in READ_ALONE:
                return None
            return self._next("read", f"GET {resource}", process.name, f"read-{resource}")
        about = _changed(request)
        label = f"{request.method} {resource} {about}".strip()
        if resource == "leases":
            # A process that was started anew takes its lease anew.
            if (process, label) in self._leases:
                return None
            self._leases.add((process, label))
        return self._next("write", label, process.name, resource.replace("/", "-"))

    def of_effect(self, process: str, vendor: str, action: str) -> Crossing:
        """The crossing that a request to a vendor is."""
        return self._next("effect", f"{vendor} {action}", process, f"{vendor}-{action}")

    def of_event(self, process: str, type_: str, kind: str) -> Crossing:
        """The crossing that an event of the watch is."""
        return self._next("event", f"{type_} {kind}", process, f"{type_}-{kind}".lower())

    def _next(self, kind: Kind, label: str, process: str, place: str) -> Crossing:
        self._seen[label] += 1
        self._places[place] += 1
        numbered = f"{label} #{self._seen[label]}"
        found = Crossing(len(self.all), kind, numbered, process, f"{place}~{self._places[place]}")
        self.all.append(found)
        return found


READ_ALONE = frozenset(("incidents", "connections", "secrets", "escalationpolicies", "incidentclasses"))
"""What is read one at a time before something is done."""


def _changed(request: Request) -> str:
    """Which fields a write changes; of a lease, who holds it."""
    body = orjson.loads(request.body) if request.body else {}
    if body.get("kind") == "Event":
        return str(body["reason"])
    if body.get("kind") == "Lease":
        spec = body["spec"]
        return f"{spec['holderIdentity'] or 'nobody'} {spec['leaseTransitions']}"
    return ",".join(sorted(body.get("status") or ()))
