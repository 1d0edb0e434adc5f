"""Incidents in the thousands, in a state that the operator itself has written for one of their team."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bench.api import JSON_PATCH, Api, Object, each, path_of
from bench.arrivals import Sink
from bench.systems import Watchbill
from bench.teams import SEVERITIES, incident, team_names
from bench.waiting import wait_for

State = Literal["resting", "open"]
ME = "admin"
"""Who declares and acknowledges."""

_GENERATION = re.compile(r'("observedGeneration": )\d+')
_SHARE = (1, 5, 14)
"""How many of twenty incidents are of each severity, the worst first."""


@dataclass(frozen=True)
class Member:
    """One incident of the population."""

    team: str
    name: str
    uid: str
    severity: str
    status: str = field(repr=False)
    """As JSON, in the state of the population."""


class Population:
    """All incidents of one stage; `grow` adds to them, each already in its state."""

    def __init__(self, api: Api, team_count: int, state: State) -> None:
        self._api = api
        self._teams = team_names(team_count)
        self._state = state
        self._seeds: dict[tuple[str, str], Object] = {}
        self.members: list[Member] = []
        self.seeds = 0
        """How many incidents there are besides, in the same state."""

    async def seed(self, operator: Watchbill, sink: Sink) -> None:
        """Have the operator bring one incident of each team and severity into the state."""
        await operator.start()
        places = [(team, severity) for team in self._teams for severity in SEVERITIES]
        before = sink.count
        await each(places, self._declare_seed)
        await sink.pages_of(before, [_seed_name(*place) for place in places])
        if self._state == "resting":
            await each(places, self._acknowledge_seed)
        await each(places, self._read_seed)
        await operator.stop()
        self.seeds = len(places)

    async def grow(self, size: int) -> None:
        """Add incidents until there are so many."""
        fresh: list[Member] = []
        numbers = range(len(self.members), size)

        async def make(number: int) -> None:
            fresh.append(await self._make(number))

        await each(numbers, make)
        await self.write(fresh)
        self.members += sorted(fresh, key=lambda member: member.name)

    async def write(self, members: Iterable[Member]) -> None:
        """Write these statuses, whatever stood there."""

        async def put(member: Member) -> None:
            change = [{"op": "add", "path": "/status", "value": json.loads(member.status)}]
            await self._api.patch(f"{path_of(member.team, name=member.name)}/status", change, JSON_PATCH)

        await each(members, put)

    async def _declare_seed(self, place: tuple[str, str]) -> None:
        team, severity = place
        await self._api.create(path_of(team), incident(_seed_name(*place), severity))

    async def _acknowledge_seed(self, place: tuple[str, str]) -> None:
        await self._acknowledge(place[0], _seed_name(*place))

    async def _acknowledge(self, team: str, name: str) -> Object:
        return await self._api.patch(path_of(team, name=name), {"spec": {"acknowledgedBy": {ME: {}}}})

    async def _read_seed(self, place: tuple[str, str]) -> None:
        path = path_of(place[0], name=_seed_name(*place))

        async def has_settled() -> bool:
            self._seeds[place] = await self._api.get(path)
            return _has_settled(self._seeds[place], self._state)

        await wait_for(has_settled, f"{path} is {self._state}", 60)

    async def _make(self, number: int) -> Member:
        team = self._teams[number % len(self._teams)]
        severity = severity_of(number // len(self._teams))
        seed = self._seeds[team, severity]
        made = await self._api.create(path_of(team), incident(f"incident-{number:05}", severity))
        if self._state == "resting":
            made = await self._acknowledge(team, made["metadata"]["name"])
        metadata = made["metadata"]
        text = json.dumps(seed["status"]).replace(seed["metadata"]["uid"], metadata["uid"])
        status = _GENERATION.sub(rf"\g<1>{metadata['generation']}", text)
        return Member(team, metadata["name"], metadata["uid"], severity, status)


def due_at(member: Member, moment: datetime) -> Member:
    """The member whose next level is due at that moment."""
    status: dict[str, Any] = json.loads(member.status)
    status["escalation"]["nextTime"] = written(moment)
    opened = min(moment - timedelta(minutes=5), datetime.fromisoformat(status["escalation"]["openedTime"]))
    status["escalation"]["openedTime"] = written(opened)
    return replace(member, status=json.dumps(status))


def severity_of(number: int) -> str:
    """The severity of the incident of this number: of twenty in a row one is of the worst."""
    place = number % sum(_SHARE)
    ends = [sum(_SHARE[: index + 1]) for index in range(len(_SHARE))]
    return next(name for name, end in zip(SEVERITIES, ends, strict=True) if place < end)


def written(moment: datetime) -> str:
    """The moment as a status has it, cut to milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seed_name(team: str, severity: str) -> str:
    return f"seed-{team}-{severity.lower()}"


def _has_settled(seed: Mapping[str, Any], state: State) -> bool:
    status = seed.get("status", {})
    hops = [hop for page in status.get("pages", ()) for hop in page["hops"]]
    if state == "open":
        return bool(hops) and all(hop["state"] == "Accepted" for hop in hops)
    closed = [hop.get("closing", {}).get("state") == "Done" for hop in hops]
    return status.get("phase") == "Acknowledged" and bool(hops) and all(closed)
