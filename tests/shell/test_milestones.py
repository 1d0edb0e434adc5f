"""How long people took is measured once for each incident, and is what the objects say."""

import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.shell.fake_api import FakeApi, connected
from tests.shell.fake_time import RunningTime
from tests.shell.world import OVER, World, declared
from tests.support.apiserver.in_process import InProcess
from tests.support.vendor import response
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.milestones import MILESTONES
from watchbill.shell.kube import Unreachable
from watchbill.shell.metrics import Metrics
from watchbill.shell.tally import Tally

SERIES = {
    "acknowledged": "watchbill_incident_time_to_acknowledge_seconds",
    "mitigated": "watchbill_incident_time_to_mitigate_seconds",
    "resolved": "watchbill_incident_time_to_resolve_seconds",
}
Measured = dict[tuple[str, str, str], tuple[int, float]]
"""How often and how long in all, by milestone, class and severity."""


class Life:
    """One incident, the replicas that keep it one after the other, and one that stands by all the time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.standby = Metrics()
        self.metrics = [self.standby, world.metrics]
        self._tallies = [Tally(self.standby), world.tally]
        self.said = 0
        self.first: dict[str, tuple[float, str]] = {}
        """By milestone: the time that the object first said, since it was created, and its severity then."""

    async def say(self, **spec: Any) -> None:
        self.said += 1
        self.world.people_say(**spec)
        await self.look()

    async def look(self) -> None:
        """Reconcile; then every replica is told of the object as it is, and it is read for its times."""
        await self.world.run()
        raw = self.world.raw
        for tally in self._tallies:
            tally.told("Incident", raw)
        status, created = self.world.stored, raw["metadata"]["creationTimestamp"]
        for name in MILESTONES:
            time = getattr(status.times, f"{name}_time")
            if time is not None and name not in self.first:
                began = status.times.model_validate({"triggeredTime": created}).triggered_time
                self.first[name] = ((time - began).total_seconds(), status.severity)

    async def takes(self) -> None:
        await self.say(acknowledgedBy={"ana": {"note": f"n{self.said}"}})

    async def mitigates(self) -> None:
        await self._says("Mitigated")

    async def resolves(self) -> None:
        await self._says("Resolved")

    async def reopens(self) -> None:
        await self._says("Open")

    async def changes_severity(self) -> None:
        await self.say(severity=f"SEV-{self.said % 3 + 1}", setBy={"declaration": "ana", "severity": "ana"})

    async def another_leads(self) -> None:
        """A process ends, and another that has seen nothing yet keeps the incident."""
        await self.world.sender.aclose()
        self.world.metrics = Metrics()
        self.world.tally = Tally(self.world.metrics)
        self.metrics.append(self.world.metrics)
        self._tallies.append(self.world.tally)
        self.world.start()
        await self.look()

    async def loses_an_answer(self) -> None:
        """The server takes the next write, and its answer does not arrive."""
        patch, patched = self.world.kube.patch_status, pytest.MonkeyPatch()

        async def lost(path: str, body: Any) -> None:
            patched.undo()
            await patch(path, body)
            raise Unreachable(0, "", "the answer was lost")

        patched.setattr(self.world.kube, "patch_status", lost)

    async def _says(self, state: str) -> None:
        who = {"declaration": "ana", "state": "ana"}
        await self.say(state=state, stateReason=f"because {self.said}", setBy=who)


Act = Callable[[Life], Awaitable[None]]

ACTS: tuple[Act, ...] = (
    Life.takes,
    Life.mitigates,
    Life.resolves,
    Life.reopens,
    Life.changes_severity,
    Life.another_leads,
    Life.loses_an_answer,
)


async def lived(acts: Sequence[Act], steps: random.Random, **spec: Any) -> Life:
    """A life in which people do this one after the other, with some time between."""
    time, api = RunningTime(), FakeApi()
    async with connected(api, time.clock(), InProcess(api.handle)) as session:
        world = World(api, session, time)
        world.furnish()
        world.declare(**spec)
        life = Life(world)
        await life.look()
        for act in acts:
            world.pass_time(steps.randint(1, 4000))
            await act(life)
        await life.look()
        await world.stop()
        return life


def measured(metrics: Metrics) -> Measured:
    found: Measured = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            for milestone, series in SERIES.items():
                if sample.name == f"{series}_count":
                    sums = metrics.registry.get_sample_value(f"{series}_sum", sample.labels)
                    assert sums is not None
                    key = milestone, sample.labels["class"], sample.labels["severity"]
                    found[key] = int(sample.value), sums
    return found


def added(all_metrics: list[Metrics]) -> Measured:
    counts, sums = Counter[tuple[str, str, str]](), defaultdict[tuple[str, str, str], float](float)
    for metrics in all_metrics:
        for key, (count, total) in measured(metrics).items():
            counts[key] += count
            sums[key] += total
    return {key: (counts[key], sums[key]) for key in counts}


@pytest.mark.feature("F58")
async def test_the_histograms_are_what_the_objects_say_over_restarts_reopenings_and_lost_answers():
    chance = random.Random(58)
    expected: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    everywhere: list[Metrics] = []
    for _ in range(12):
        life = await lived(chance.choices(ACTS, k=chance.randint(2, 12)), chance)
        assert measured(life.standby) == {}
        everywhere += life.metrics
        for name, (seconds, severity) in life.first.items():
            expected[name, "service", severity].append(seconds)
    assert {name for name, _, _ in expected} == set(MILESTONES)
    found = added(everywhere)
    assert {key: count for key, (count, _) in found.items()} == {k: len(v) for k, v in expected.items()}
    assert {key: total for key, (_, total) in found.items()} == {
        key: pytest.approx(sum(each), abs=1e-6) for key, each in expected.items()
    }


@pytest.mark.feature("F58")
@pytest.mark.parametrize("mode", ["Drill", "Backfill"])
async def test_drills_and_incidents_of_the_past_are_in_no_histogram(mode: str):
    acts = [Life.takes, Life.mitigates, Life.resolves]
    for real in (True, False):
        spec = {} if real else {"mode": mode}
        if mode == "Backfill" and not real:
            spec |= {"state": "Resolved", "stateReason": "it was long ago"}
        life = await lived(acts, random.Random(1), **spec)
        assert len(added(life.metrics)) == (3 if real else 0)


@pytest.mark.feature("F58")
async def test_no_label_is_made_of_what_people_may_write_as_they_like():
    life = await lived([Life.takes, Life.resolves], random.Random(1), severity="SEV-of-my-own")
    assert set(added(life.metrics)) == {(name, "service", "unknown") for name in MILESTONES}
    (gauge,) = (f for f in life.world.metrics.registry.collect() if f.name == "watchbill_incidents")
    assert {sample.labels["severity"] for sample in gauge.samples} == {"unknown"}


async def test_an_incident_that_is_taken_before_any_class_is_known_is_measured(world: World):
    world.declare(acknowledgedBy={"ana": {}})
    await world.run()
    world.people_say(**OVER)
    await world.run()
    assert world.stored.frozen_class is None
    assert {key[1:] for key in measured(world.metrics)} == {("unknown", "unknown")}
    assert world.stored.times == IncidentStatus.model_validate(world.raw["status"]).times


async def test_a_reopening_is_counted_and_measures_nothing_again():
    acts = [Life.takes, Life.resolves, Life.reopens, Life.takes, Life.resolves]
    life = await lived(acts, random.Random(1))
    value = life.world.metrics.registry.get_sample_value
    labels = {"class": "service", "severity": "SEV-1"}
    assert value("watchbill_incidents_reopened_total", labels) == 1
    assert {count for count, _ in measured(life.world.metrics).values()} == {1}


async def test_a_page_that_another_connection_has_accepted_is_told_apart(world: World):
    world.vendors.answer["events"] = lambda request: response(400)
    await declared(world)
    assert world.hops == ["Failed", "Accepted"]
    name = "watchbill_escalation_step_delay_seconds_count"
    (delay,) = (f for f in world.metrics.registry.collect() if f"{f.name}_count" == name)
    counts = {tuple(s.labels.values()): s.value for s in delay.samples if s.name == name}
    assert counts == {("webhook", "fallback"): 1}
