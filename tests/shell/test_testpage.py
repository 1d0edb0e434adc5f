"""The scheduled test page goes the whole way of a page, once in each period, and is ended in any case."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.shell.world import World, accepts, answers
from tests.support.vendor import response
from watchbill.core.effects import ConnectionKey
from watchbill.providers.contract import Request, Response
from watchbill.shell.testpage import (
    KEY_PREFIX,
    LATE,
    NOTE,
    TITLE,
    PageTester,
    Record,
    Schedule,
    State,
)

PAGERDUTY, BACKUP = ConnectionKey("shop", "pagerduty"), ConnectionKey("shop", "backup")
HOUR = timedelta(hours=1)


class Board:
    """What leaders keep for one another."""

    def __init__(self) -> None:
        self.leads = True
        self.notes: dict[str, str] = {}

    def is_leader(self) -> bool:
        return self.leads

    def note(self, name: str, value: str) -> None:
        self.notes[name] = value

    def noted(self, name: str) -> str:
        return self.notes.get(name, "")


class Stage:
    """A world with two connections, and a tester in its time; when it sleeps, time passes."""

    def __init__(self, world: World) -> None:
        world.furnish()
        self.world, self.board = world, Board()
        self.world.time.wall -= self.world.time.wall % 3600
        self.world.clock._anchor()
        self.naps: list[float] = []
        self.tester = self.begun()

    def begun(self, through: ConnectionKey = PAGERDUTY) -> PageTester:
        """A tester of a process that has just begun."""
        self.tester = PageTester(Schedule(through, HOUR), self.world.outside, self.board, self.sleep)
        return self.tester

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.world.pass_time(seconds)

    async def look(self, after: float = 0) -> str:
        """What is wrong with the last test page, after one look."""
        self.world.pass_time(after)
        await self.tester.look()
        return self.tester.problem()

    @property
    def sent(self) -> list[str]:
        return [action for _, action in self.world.vendors.arrived]

    @property
    def state(self) -> State | None:
        return self.tester.last.state if self.tester.last else None

    def sample(self, name: str, **labels: str) -> float | None:
        return self.world.metrics.registry.get_sample_value(f"watchbill_{name}", labels)


@pytest.fixture
async def stage(world: World) -> Stage:
    return Stage(world)


@pytest.mark.feature("F70")
async def test_it_goes_the_way_of_a_page_and_is_resolved(stage: Stage):
    begins = stage.world.clock.now()
    assert stage.tester.problem() == "none has come through shop/pagerduty in this period"
    with capture_logs() as lines:
        assert await stage.look() == ""
    trigger, resolve = stage.world.vendors.bodies
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    uid = stage.world.cache.get("Connection", *PAGERDUTY)["metadata"]["uid"]  # type: ignore[index]  # it is there
    period = f"{begins:%Y%m%dT%H}0000Z"
    assert trigger["dedup_key"] == resolve["dedup_key"] == f"{KEY_PREFIX}/{period}/{uid}"
    assert trigger["routing_key"] == "routing-key-one", "the Secret was read"
    assert trigger["payload"]["summary"] == TITLE
    assert TITLE.startswith("TEST")
    assert trigger["payload"]["severity"] == "info"
    assert trigger["payload"]["custom_details"]["acknowledge"] == "There is nothing to acknowledge."
    assert stage.naps == [15], "it rings"
    assert [line["action"] for line in lines if line["event"] == "attempted"] == ["trigger", "resolve"]
    assert stage.state is State.WELL
    assert stage.sample("test_pages_total", result="well") == 1
    assert stage.sample("notifications_total", integration="pagerDuty") == 2
    last = stage.sample("test_page_last_success_timestamp_seconds")
    assert last == pytest.approx(begins.timestamp() + 15, abs=5)


async def test_there_is_one_in_each_period_however_often_processes_begin(stage: Stage):
    await stage.look()
    for _ in range(3):
        stage.begun()
        assert await stage.look(600) == ""
    assert stage.sent == ["trigger", "resolve"]
    assert stage.sample("test_page_last_success_timestamp_seconds") is not None
    await stage.look(3600 - 3 * 600)
    assert stage.sent == ["trigger", "resolve"] * 2
    keys = stage.world.vendors.keys("trigger")
    assert len(set(keys)) == 2


async def test_who_does_not_lead_sends_none(stage: Stage):
    stage.board.leads = False
    await stage.look()
    assert stage.sent == []


async def test_one_that_was_left_open_is_resolved_by_whoever_leads_next(stage: Stage):
    async def killed(seconds: float) -> None:
        raise RuntimeError("killed")

    stage.tester._sleep = killed
    with pytest.raises(RuntimeError, match="killed"):
        await stage.look()
    assert (stage.sent, stage.state) == (["trigger"], State.OPEN)
    stage.begun(BACKUP)
    await stage.look()
    assert stage.sent == ["trigger", "resolve"]
    assert len({body["dedup_key"] for body in stage.world.vendors.bodies}) == 1
    await stage.look()
    assert stage.world.vendors.arrived[-2:] == [("backup", "trigger"), ("backup", "resolve")]


@pytest.mark.feature("F70")
async def test_one_that_does_not_get_through_says_so_until_one_does(stage: Stage):
    stage.world.vendors.answer["events"] = answers(503)
    with capture_logs() as lines:
        assert await stage.look() == "the last one failed through shop/pagerduty"
    assert stage.sent == ["trigger"] * 5, "the breaker of the connection is open then"
    assert sum(stage.naps) < 61
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [
        "a test page did not get through"
    ]
    assert stage.sample("test_pages_total", result="failed") == 1
    stage.world.vendors.answer["events"] = answers(202, status="success")
    assert await stage.look(200) != ""
    assert len(stage.sent) == 5, "it is tried again 5 minutes after it failed"
    assert await stage.look(200) == ""
    assert stage.sent[5:] == ["trigger", "resolve"]
    assert len(set(stage.world.vendors.keys("trigger"))) == 1, "it is the same period's"


@pytest.mark.parametrize("how", ["it refuses", "it is not there", "it carries no pages", "its Secret is not"])
async def test_a_connection_that_cannot_page_fails_at_once(stage: Stage, how: str):
    through = BACKUP
    if how == "it refuses":
        stage.world.vendors.answer["backup"] = answers(404)
    elif how == "it is not there":
        through = ConnectionKey("shop", "absent")
    elif how == "it carries no pages":
        through = ConnectionKey("shop", "slack")
        stage.world.put("Connection", "slack", {"slack": {"botTokenSecretRef": {"name": "s", "key": "k"}}})
    else:
        stage.world.put("Connection", "backup", {"webhook": {"urlSecretRef": {"name": "s", "key": "k"}}})
    stage.begun(through)
    assert await stage.look() == f"the last one failed through {'/'.join(through)}"
    assert stage.naps == []


async def test_one_whose_answer_was_lost_is_repeated_and_says_so(stage: Stage):
    calls: list[Request] = []

    def lost(request: Request) -> Response:
        calls.append(request)
        return response(200, content=b"a proxy's page") if len(calls) == 1 else accepts(request)

    stage.world.vendors.answer["events"] = lost
    stage.begun()
    await stage.look()
    summaries = [body["payload"]["summary"] for body in stage.world.vendors.bodies[:2]]
    assert summaries == [TITLE, f"{TITLE} (repeated)"]
    assert stage.state is State.WELL


async def test_one_that_cannot_be_resolved_does_not_count(stage: Stage):
    def refuses(request: Request) -> Response:
        return answers(400 if b'"resolve"' in request.body else 202)(request)

    stage.world.vendors.answer["events"] = refuses
    with capture_logs() as lines:
        assert await stage.look() == "the last one failed through shop/pagerduty"
    assert "it could not be resolved" in str(lines[-1])


async def test_one_whose_connection_is_gone_is_to_be_resolved_by_hand(stage: Stage):
    now = stage.world.clock.now()
    stage.board.note(NOTE, str(Record(now, ConnectionKey("shop", "gone"), State.OPEN, now)))
    with capture_logs() as lines:
        await stage.look()
    assert "by hand" in str(lines)
    await stage.look()
    assert stage.state is State.WELL


async def test_who_stops_leading_in_the_middle_leaves_the_rest_to_the_next(stage: Stage):
    async def loses(seconds: float) -> None:
        stage.board.leads = False

    stage.tester._sleep = loses
    await stage.look()
    assert (stage.sent, stage.state) == (["trigger"], State.OPEN)
    stage.world.pass_time(LATE.total_seconds() + 1)
    assert stage.tester.problem() != "", "nobody has ended it"


async def test_one_that_does_not_come_is_noticed(stage: Stage):
    await stage.look()
    stage.world.pass_time(3600 + 100)
    assert stage.tester.problem() == ""
    stage.world.pass_time(LATE.total_seconds())
    assert stage.tester.problem() == "none has come through shop/pagerduty in this period"


@pytest.mark.parametrize(
    ("every", "now", "expected"),
    [
        (timedelta(hours=24), "2026-03-09T23:59:59.999", "2026-03-09T00:00"),
        (timedelta(hours=24), "2026-03-10T00:00:00", "2026-03-10T00:00"),
        (timedelta(minutes=5), "2026-03-09T03:07:12", "2026-03-09T03:05"),
    ],
)
def test_a_period_begins_at_a_round_time(every: timedelta, now: str, expected: str):
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert Schedule(PAGERDUTY, every).period(moment(now)) == moment(expected)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "open now shop/pager then", "half 2026-03-09T03:00:00Z a b"]
)
def test_a_note_that_is_none_is_read_as_nothing(text: str):
    assert Record.read(text) is None


def test_a_note_is_read_as_it_was_written():
    moment = datetime(2026, 3, 9, 3, tzinfo=UTC)
    record = Record(moment, PAGERDUTY, State.OPEN, moment + timedelta(milliseconds=1))
    assert Record.read(str(record)) == record
