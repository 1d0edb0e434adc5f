"""A heartbeat is sent while the whole chain is proven, and no longer; its URL is shown nowhere."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.shell.fake_time import FakeTime
from tests.support.builders import T0
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Request, Response, Verdict
from watchbill.shell.heartbeat import Facts, Heartbeat, Silence, reasons_to_be_silent
from watchbill.shell.metrics import Metrics

WELL = Facts(leads=True, overdue={"page": 0, "reconcile": 0}, watch_silent_for=59)
URL = "https://beats.example.com/ping/3f2a-secret"


@pytest.mark.feature("F70", "F27")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {}, id="all is well"),
        pytest.param({"leads": False}, {Silence.NOT_LEADING: "it stands by"}, id="another leads"),
        pytest.param(
            {"unreachable_since": T0},
            {Silence.API_SERVER_UNREACHABLE: "since 03:00:00 UTC"},
            id="the API server is silent",
        ),
        pytest.param({"watch_silent_for": 61}, {Silence.WATCH_STALE: "for 61 s"}, id="the watch is stale"),
        pytest.param(
            {"faults": ("queue: a key has waited 61 s", "watch: kopf does not watch")},
            {Silence.UNHEALTHY: "queue: a key has waited 61 s; watch: kopf does not watch"},
            id="the loop is stalled, or kopf is",
        ),
        pytest.param(
            {"overdue": {"page": 2, "resolve": 0, "reconcile": 1}},
            {Silence.OVERDUE: "2 page, 1 reconcile"},
            id="something is overdue",
        ),
        pytest.param({"stranded": 1}, {Silence.LAST_RESORT: "1 open"}, id="an incident has no policy"),
        pytest.param(
            {"test_page": "the last one failed through shop/pager"},
            {Silence.TEST_PAGE: "the last one failed through shop/pager"},
            id="the last test page failed",
        ),
        pytest.param(
            {"leads": False, "unreachable_since": T0, "stranded": 1},
            {
                Silence.NOT_LEADING: "it stands by",
                Silence.API_SERVER_UNREACHABLE: "since 03:00:00 UTC",
                Silence.LAST_RESORT: "1 open",
            },
            id="several things at once",
        ),
    ],
)
def test_a_heartbeat_is_sent_unless_there_is_a_reason(changes: dict[str, Any], expected: dict[Silence, str]):
    assert reasons_to_be_silent(replace(WELL, **changes)) == expected


class Outside:
    """Whoever takes the heartbeats, and what the operator knows of itself."""

    def __init__(self, time: FakeTime) -> None:
        self.facts, self.metrics = WELL, Metrics()
        self.answer: Response | Verdict = Response(200, {}, b"OK")
        self.asked: list[tuple[Request, float]] = []
        clock = time.clock()
        self.heart = Heartbeat(URL, lambda: self.facts, self.ping, clock, self.metrics)

    async def ping(self, request: Request, seconds: float) -> Response | Verdict:
        self.asked.append((request, seconds))
        return self.answer

    async def beat(self, **changes: Any) -> int:
        """How many were sent once there was this one more chance."""
        self.facts = replace(WELL, **changes)
        await self.heart.beat()
        return len(self.asked)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"watchbill_{name}", labels)


@pytest.fixture
def outside(time: FakeTime) -> Outside:
    return Outside(time)


async def test_one_request_is_made_and_its_arrival_shows(outside: Outside, time: FakeTime):
    assert await outside.beat() == 1
    (request, seconds) = outside.asked[0]
    assert (request.method, request.url, request.body, seconds) == ("GET", URL, b"", 10)
    assert outside.sample("heartbeats_total", result="ok") == 1
    assert outside.sample("heartbeat_last_success_timestamp_seconds") == time.wall
    assert outside.sample("heartbeat_silent", reason="Overdue") == 0


async def test_each_change_of_mind_is_one_line_and_a_metric(outside: Outside):
    with capture_logs() as lines:
        for changes in ({}, {}, {"stranded": 1}, {"stranded": 1}, {"stranded": 2}, {"leads": False}, {}):
            await outside.beat(**changes)
    assert [(line["log_level"], line["event"], line.get("reasons")) for line in lines] == [
        ("info", "the heartbeat is sent", None),
        ("warning", "no heartbeat is sent", {"LastResort": "1 open"}),
        ("info", "no heartbeat is sent", {"NotLeading": "it stands by"}),
        ("info", "the heartbeat is sent", None),
    ]
    assert len(outside.asked) == 3
    await outside.beat(stranded=1)
    assert outside.sample("heartbeat_silent", reason="LastResort") == 1
    assert outside.sample("heartbeat_silent", reason="NotLeading") == 0
    assert outside.sample("heartbeats_total", result="ok") == 3


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(Response(301, {}, b""), "HTTP 301", id="it leads elsewhere"),
        pytest.param(Response(404, {}, b""), "HTTP 404", id="it is not known"),
        pytest.param(
            Verdict(Result.RETRY, message=f"no connection: {URL}"), "no connection: [redacted]", id="nothing"
        ),
        pytest.param(
            Verdict(Result.RETRY, message="no way to /ping/3f2a-secret\nthere"),
            "no way to [redacted] there",
            id="a part of the URL",
        ),
    ],
)
async def test_one_that_does_not_arrive_is_told_once_without_its_url(
    outside: Outside, answer: Response | Verdict, problem: str
):
    outside.answer = answer
    with capture_logs() as lines:
        await outside.beat()
        await outside.beat()
        outside.answer = Response(204, {}, b"")
        await outside.beat()
        await outside.beat()
    said = [(line["event"], line.get("problem")) for line in lines[1:]]
    assert said == [("a heartbeat did not arrive", problem), ("heartbeats arrive again", None)]
    assert "secret" not in str(lines)
    assert outside.sample("heartbeats_total", result="failed") == 2
    assert outside.sample("heartbeats_total", result="ok") == 2
    assert URL not in repr(outside.heart._request)
