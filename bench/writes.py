"""Bench 4: how often the life of an incident is written, held against the least that records it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from bench.api import Api, Sample, each, path_of, total, writes
from bench.results import NAIVE, OURS, Bar, Result, Row, count
from bench.stage import Stage
from bench.stats import spread
from bench.teams import OTHERS, QUICK, incident, team_names
from bench.waiting import wait_for

NAME = "writes"
BY_DRIVER = 2
"""Writes of the driver to each incident after its creation: acknowledge and resolve."""


class Life(NamedTuple):
    """A course that incidents take, and the least writes that record it: one for each thing that happens."""

    what: str
    pages: int
    minimum: int


SHORT = Life("create → page → acknowledge → resolve", 1, 3)
LONG = Life("the same with two escalations", 3, 5)


async def run(stage: Stage) -> Result:
    """What was written of many lives, by the server's own count."""
    rows: list[Row] = []
    lost = doubled = 0
    await stage.ours.start()
    for life, team in ((SHORT, team_names(1)[0]), (LONG, QUICK)):
        begin = stage.sink.count
        names = [f"life-{team}-{number}" for number in range(stage.size.lifecycles)]
        counted = await _live(stage, team, names, life)
        keys = {each.key for each in stage.sink.since(begin) if each.action == "trigger"}
        lost, doubled = lost + len(names) * life.pages - len(keys), doubled + stage.sink.doubled(begin)
        theirs = await _naive(stage, names) if life is SHORT else {}
        rows += _rows(life, counted, theirs)
    await stage.ours.stop()
    rows += [count("pages lost", lost), count("pages that came twice", doubled)]
    return Result(NAME, "Writes in the life of an incident", _HOW, tuple(rows))


async def _naive(stage: Stage, names: list[str]) -> Mapping[str, float]:
    naive = stage.peers.naive(f"--namespace={OTHERS}")
    await naive.start()
    try:
        return await _live(stage, OTHERS, names, SHORT)
    finally:
        await naive.stop()


async def _live(stage: Stage, team: str, names: list[str], life: Life) -> Mapping[str, float]:
    """Have each of these incidents live, and tell what the server counted for one of them."""
    api, before = stage.api, await stage.api.counters()
    extra = {"mode": "Backfill"} if team == OTHERS else {}
    await each(names, lambda name: _created(api, path_of(team), incident(name, **extra)))
    paths = [path_of(team, name=name) for name in names]

    async def reached(is_so: Callable[[Mapping[str, Any]], bool], what: str) -> None:
        async def one(path: str) -> None:
            async def has() -> bool:
                return is_so((await api.get(path)).get("status", {}))

            await wait_for(has, f"{path}: {what}", 30)

        await each(paths, one)

    await reached(lambda status: _paged(status, life.pages, team), "it is paged")
    await each(paths, lambda path: _patched(api, path, {"acknowledgedBy": {"admin": {}}}))
    await reached(lambda status: _told(status, "Acknowledged"), "it is acknowledged")
    await each(paths, lambda path: _patched(api, path, {"state": "Resolved", "stateReason": "rolled back"}))
    await reached(lambda status: _told(status, "Resolved"), "it is resolved")
    if team != OTHERS:
        await stage.ours.settle()
    after = await api.counters()
    return {what: (reading(after) - reading(before)) / len(names) for what, reading in _READINGS.items()}


def _paged(status: Mapping[str, Any], pages: int, team: str) -> bool:
    if team == OTHERS:
        return status.get("phase") == "Triggered"
    hops = [hop for page in status.get("pages", ()) for hop in page["hops"]]
    return len(hops) == pages and all(hop["state"] == "Accepted" for hop in hops)


def _told(status: Mapping[str, Any], phase: str) -> bool:
    """Whether the phase is reached, and every vendor is told of it."""
    hops = [hop for page in status.get("pages", ()) for hop in page["hops"]]
    action = {"Acknowledged": "Acknowledge", "Resolved": "Resolve"}[phase]
    closings = [hop.get("closing", {}) for hop in hops]
    told = all((each.get("action"), each.get("state")) == (action, "Done") for each in closings)
    return status.get("phase") == phase and told


async def _created(api: Api, path: str, body: dict[str, Any]) -> None:
    await api.create(path, body)


async def _patched(api: Api, path: str, spec: dict[str, Any]) -> None:
    await api.patch(path, {"spec": spec})


_READINGS: Mapping[str, Callable[[list[Sample]], float]] = {
    "status": lambda found: writes(found, "incidents", "PATCH", "status"),
    "rest": lambda found: writes(found, "incidents", "PATCH"),
    "events": lambda found: writes(found, "events", "POST") + writes(found, "events", "PATCH"),
    "refused": lambda found: total(
        found, "apiserver_request_total", resource="incidents", verb="PATCH", code="409"
    ),
}


_WORDS = {
    "status": "status writes",
    "rest": "other writes to the incident",
    "refused": "writes refused as outdated",
    "events": "Events, which are not in the least",
}


def _rows(life: Life, ours: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[Row]:
    exact = Bar(1.0)
    values = {OURS: _of_incident(ours) / life.minimum}
    if theirs:
        values[NAIVE] = _of_incident(theirs) / life.minimum
    spreads = {system: spread([value]) for system, value in values.items()}
    yield Row(f"{life.what}: writes by the least", "×", spreads, bar=exact, moonshot=exact, slack=1.0)
    for what, words in _WORDS.items():
        counts = {OURS: ours[what]} | ({NAIVE: theirs[what]} if theirs else {})
        driver = BY_DRIVER if what == "rest" else 0
        spreads = {system: spread([value - driver]) for system, value in counts.items()}
        yield Row(f"{life.what}: {words}", "", spreads)


def _of_incident(counted: Mapping[str, float]) -> float:
    return counted["status"] + counted["rest"] - BY_DRIVER


_HOW = (
    "Each incident is driven through its life by the API alone; the numbers are the API server's own "
    "counters, for one incident. The least is one write for each thing that happens and has to be recorded: "
    "each page, the acknowledgement, the resolution."
)
