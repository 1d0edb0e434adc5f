"""What should have been done and has not is counted and told, whoever failed to do it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.shell.fake_time import FakeTime
from tests.support.builders import T0
from watchbill.api.model import format_time
from watchbill.shell.cache import Cache, ObjectKey, Raw
from watchbill.shell.metrics import Metrics
from watchbill.shell.overdue import OVERDUE, Found, Watchdog, is_stranded, outstanding
from watchbill.shell.queue import Queue

NOTHING: dict[str, int] = {}


def ago(seconds: float) -> str:
    return format_time(T0 - timedelta(seconds=seconds))


def page(state: str, seconds: float = 61, epoch: int = 1, **more: Any) -> dict[str, Any]:
    return {"state": state, "dueTime": ago(seconds), "epoch": epoch} | more


def raw(
    *pages: dict[str, Any],
    phase: str = "Triggered",
    state: str = "Waiting",
    mode: str = "Live",
    **escalation: Any,
) -> Raw:
    return {
        "metadata": {"creationTimestamp": ago(61), "uid": "1", "name": "cart", "namespace": "shop"},
        "spec": {"mode": mode},
        "status": {
            "phase": phase,
            "policy": {"name": "primary"},
            "escalation": {"epoch": 1, "state": state} | escalation,
            "pages": list(pages),
        },
    }


def is_overdue(seen: Raw) -> bool:
    return any(each.due is not None and T0 - each.due > OVERDUE for each in outstanding(seen))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(raw(page("Pending")), True, id="a page that is still on its way"),
        pytest.param(raw(page("Failed")), True, id="a page that every connection refused"),
        pytest.param(raw(phase="Pending", state="Exhausted"), True, id="an incident without class or policy"),
        pytest.param(
            {"metadata": raw()["metadata"], "spec": {}}, True, id="an incident that nobody has looked at"
        ),
        pytest.param(raw(page("Accepted", epoch=0)), True, id="pages of an earlier epoch do not count"),
        pytest.param(raw(page("Accepted"), nextTime=ago(61)), True, id="the next level"),
        pytest.param(raw(page("Accepted"), nextTime=ago(0)), False, id="the next level has a minute"),
        pytest.param(raw(page("Accepted"), nextTime="0000-01-01T00:00:00Z"), True, id="a time that is none"),
        pytest.param(raw({"epoch": 1}), True, id="a page of which nothing can be read"),
        pytest.param(raw(page("Pending", 60)), False, id="a page has a minute"),
        pytest.param(raw(page("Failed"), page("Accepted")), False, id="of one level one page is enough"),
        pytest.param(
            raw(page("Accepted", 400), page("Failed", 61), nextTime=ago(0)),
            True,
            id="a level was reached, and the next one was not",
        ),
        pytest.param(
            raw(page("Accepted", 400), page("Failed", 90), page("Accepted", 30), nextTime=ago(-60)),
            False,
            id="a level was not reached, and a later one was",
        ),
        pytest.param(raw(page("Accepted", 400)), False, id="nothing comes after what was accepted"),
        pytest.param(raw(phase="Acknowledged", state="Stopped"), False, id="somebody has it"),
        pytest.param(raw(page("Pending"), phase="Resolved"), False, id="it is over"),
        pytest.param(raw(page("Pending"), state="Snoozed"), False, id="somebody asked for silence"),
        pytest.param(raw(page("Pending"), mode="Drill"), False, id="a drill"),
    ],
)
def test_an_incident_is_overdue_a_minute_after_its_page_was_due_and_nobody_was_reached(
    seen: Raw, expected: bool
):
    assert is_overdue(seen) is expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(raw(page("Accepted", level="first")), False, id="a policy runs"),
        pytest.param(raw(page("Accepted", level="operatorLastResort")), True, id="its policy reached nobody"),
        pytest.param(raw(page("Accepted", epoch=0, level="operatorLastResort")), False, id="once it did not"),
        pytest.param({"metadata": {}, "spec": {}}, False, id="nobody has looked at it"),
        pytest.param({"spec": {}, "status": {"escalation": {"epoch": 1}}}, True, id="without a policy"),
        pytest.param(
            {"spec": {}, "status": {"escalation": {"epoch": 1, "state": "Stopped"}}}, False, id="taken"
        ),
        pytest.param(
            {"spec": {"mode": "Drill"}, "status": {"escalation": {"epoch": 1}}}, False, id="a drill"
        ),
    ],
)
def test_an_incident_is_stranded_where_the_operators_own_last_resort_is_all_that_is_left(
    seen: Raw, expected: bool
):
    assert is_stranded(seen) is expected


class Kennel:
    """A watchdog, what it looks at, and what it tells."""

    def __init__(self, time: FakeTime) -> None:
        time.wall = T0.timestamp()
        self.time, self.metrics, self.cache = time, Metrics(), Cache()
        self.clock = time.clock()
        self.answer: Any = None
        self.queue = Queue(self.reconcile, self.metrics, time.monotonic)
        self.dog = Watchdog(self.cache, self.queue, self.clock, self.metrics)
        self.leads = True
        self.dog.leads = lambda: self.leads
        self.told: list[tuple[str, str, str]] = []
        self.dog.tell = lambda kind, raw, reason, text, type_: self.told.append(
            (raw["metadata"]["name"], reason, text)
        )
        self._version = 0

    async def reconcile(self, key: ObjectKey) -> timedelta | None:
        raise RuntimeError("a bug")

    def put(self, *pages: dict[str, Any], **changes: Any) -> None:
        self._version += 1
        found = raw(*pages, **changes)
        metadata = {**found["metadata"], "resourceVersion": str(self._version)}
        self.cache.upsert("Incident", {**found, "metadata": metadata})

    def look(self, after: float = 0) -> Found:
        self.time.advance(after)
        return self.dog.look()

    def sample(self, action: str) -> float | None:
        return self.metrics.registry.get_sample_value("watchbill_overdue_actions", {"action": action})


@pytest.fixture
async def kennel(time: FakeTime) -> Kennel:
    return Kennel(time)


PAGE = (
    "a page was due at 02:59:30 UTC and no connection has accepted it: reach people by another way; "
    "Degraded says what fails"
)


@pytest.mark.feature("F27")
async def test_what_is_overdue_is_counted_and_told_once_for_each_epoch(kennel: Kennel):
    kennel.put(page("Pending", 30))
    assert kennel.look(30).overdue["page"] == 0
    for _ in range(3):
        assert kennel.look(1).overdue["page"] == 1
    assert kennel.sample("page") == 1
    assert kennel.told == [("cart", "ActionOverdue", PAGE)]
    kennel.put(page("Accepted", 30), nextTime=ago(-600))
    assert kennel.look().overdue["page"] == 0
    assert kennel.sample("page") == 0
    kennel.put(page("Pending", 30))
    assert kennel.look().overdue["page"] == 1
    assert len(kennel.told) == 1
    kennel.put(page("Pending", 30, epoch=2), epoch=2)
    kennel.look()
    assert len(kennel.told) == 2


async def test_who_does_not_lead_counts_and_leaves_telling_to_the_leader(kennel: Kennel):
    kennel.leads = False
    kennel.put(page("Pending"))
    assert kennel.look().overdue["page"] == 1
    assert kennel.told == []
    kennel.leads = True
    kennel.look()
    assert len(kennel.told) == 1


@pytest.mark.feature("F27")
@pytest.mark.parametrize(
    ("action", "kind"), [pytest.param("Acknowledge", "acknowledge"), pytest.param("Resolve", "resolve")]
)
async def test_an_end_that_a_vendor_does_not_take_is_overdue_a_minute_after_it_was_first_seen(
    kennel: Kennel, action: str, kind: str
):
    closing = {"action": action, "state": "Pending"}
    for phase in ("Acknowledged", "Resolved"):
        kennel.put(page("Accepted", hops=[{"key": "k", "closing": closing}]), phase=phase, state="Stopped")
        kennel.look(20)
        assert kennel.told == []
    assert kennel.look(39).overdue == NOTHING
    assert kennel.look(2).overdue == NOTHING | {kind: 1}
    assert [(reason, kind in text) for _, reason, text in kennel.told] == [("ActionOverdue", True)]
    done = {"key": "k", "closing": closing | {"state": "Done"}}
    kennel.put(page("Accepted", hops=[done]), phase="Resolved", state="Stopped")
    assert kennel.look().overdue == NOTHING


@pytest.mark.feature("F27")
async def test_whatever_else_is_due_and_not_brought_through_is_overdue(kennel: Kennel):
    kennel.put(phase="Acknowledged", state="Stopped")
    kennel.cache.rest("Incident", "shop", "cart")
    kennel.queue.add(ObjectKey("Incident", "shop", "cart"))
    kennel.queue.add(ObjectKey("Incident", "shop", "gone"))
    assert kennel.look(60).overdue == NOTHING
    assert kennel.look(1).overdue == NOTHING | {"reconcile": 2}
    kennel.look(1)
    assert [(name, reason) for name, reason, _ in kennel.told] == [("cart", "ActionOverdue")]
    await kennel.queue.stop(timedelta(0))
    assert kennel.look().overdue == NOTHING


async def test_nothing_is_remembered_of_what_is_gone(kennel: Kennel):
    closing = {"action": "Resolve", "state": "Pending"}
    kennel.put(page("Pending", hops=[{"key": "k", "closing": closing}]))
    kennel.look()
    assert kennel.dog._told
    assert kennel.dog._first_seen
    kennel.cache.delete("Incident", "shop", "cart", 100)
    kennel.look()
    assert (kennel.dog._told, kennel.dog._first_seen) == (set(), {})
