"""What a step sends elsewhere: with the Secret that it names, and so that its outcome can be told."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.shell.fake_time import RunningTime
from tests.shell.test_run_account import RUN, Room
from tests.support.vendor import Played, response
from watchbill.api.connection import SecretKeyRef
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Answer, HttpRequest, Message, RunFacts
from watchbill.providers.contract import Request, Response
from watchbill.shell.paths import core_path
from watchbill.shell.runs.asker import Asker

VALUE = "Bearer opensesame-for-tests"
REF = SecretKeyRef(name="deployer", key="token")
POST = HttpRequest("POST", "https://deployer.example.com/", (("X-Why", "tests"),), '{"a": 1}', REF)
GET = HttpRequest("GET", "https://deployer.example.com/")


class Elsewhere(Room):
    """A room with somebody outside."""

    def __init__(self, time: RunningTime) -> None:
        super().__init__(time)
        self.server.rights.add(("get", "secrets"))
        data = {"token": base64.b64encode(VALUE.encode()).decode()}
        self.server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        secret = {"metadata": {"name": "deployer"}, "data": data}
        self.server.ask("POST", core_path("secrets", "shop"), secret)
        self.arrived: list[Request] = []
        self.said: list[str] = []
        self.fault: Exception | None = None
        self.reply = response(200, json={"ok": True})
        self.asker = Asker(self.client, Played(self.take), self.say)

    async def take(self, request: Request) -> Response:
        self.arrived.append(request)
        if self.fault is not None:
            raise self.fault
        return self.reply

    async def say(self, message: Message, run: RunFacts) -> Answer:
        self.said.append(message.text)
        return Answer(Result.OK)


@pytest.fixture
async def elsewhere(time: RunningTime) -> AsyncIterator[Elsewhere]:
    made = Elsewhere(time)
    yield made
    await made.client.close()
    await made.kube.close()


async def test_a_request_shows_what_the_account_may_read(elsewhere: Elsewhere):
    answer = await elsewhere.asker.answer(POST, RUN)
    assert (answer.result, answer.body) == (Result.OK, {"ok": True})
    (arrived,) = elsewhere.arrived
    json = {"Content-Type": "application/json"}
    assert dict(arrived.headers) == {"X-Why": "tests", "Authorization": VALUE} | json


async def test_a_secret_that_the_account_may_not_read_is_not_sent(elsewhere: Elsewhere):
    elsewhere.server.rights.discard(("get", "secrets"))
    answer = await elsewhere.asker.answer(POST, RUN)
    assert (answer.result, elsewhere.arrived) == (Result.AUTH, [])


async def test_what_a_server_says_is_shown_without_the_secret(elsewhere: Elsewhere):
    elsewhere.reply = response(403, json={"kind": "Status", "message": f"no: {VALUE}"})
    assert "opensesame" not in (await elsewhere.asker.answer(POST, RUN)).message


async def test_people_are_not_told_a_parameter_that_is_secret(elsewhere: Elsewhere):
    run = replace(RUN, masked=("opensesame",))
    assert (await elsewhere.asker.answer(Message("pager", "It is opensesame."), run)).is_ok
    assert elsewhere.said == ["It is ***."]


REPEATED = [
    ("Bearer opensesame/for-tests", "opensesame/for-tests"),
    ("Bearer opensesame/for-tests", "opensesame%2Ffor-tests"),
    ("Bearer opensesame/for-tests", base64.b64encode(b"opensesame/for-tests").decode()),
    ("Bearer opensesame/for-tests", base64.b64encode(b"Bearer opensesame/for-tests").decode()),
    ("Basic YW5hOm9wZW5zZXNhbWU=", "opensesame"),
    ("Basic YW5hOm9wZW5zZXNhbWU=", "YW5hOm9wZW5zZXNhbWU="),
    ("opensesame", "opensesame"),
]


@pytest.mark.parametrize(("value", "said"), REPEATED)
async def test_what_a_server_repeats_of_a_secret_is_not_shown(elsewhere: Elsewhere, value: str, said: str):
    data = {"token": base64.b64encode(value.encode()).decode()}
    elsewhere.server.ask("PATCH", core_path("secrets", "shop", "deployer"), {"data": data})
    elsewhere.reply = response(403, json={"kind": "Status", "message": f"no: {said}."})
    assert (await elsewhere.asker.answer(POST, RUN)).message == "no: [redacted]."


FAULTS = [
    (POST, ConnectionResetError(), Result.UNKNOWN),
    (POST, ConnectionRefusedError(), Result.RETRY),
    (GET, ConnectionResetError(), Result.RETRY),
]


@pytest.mark.parametrize(("request_", "fault", "result"), FAULTS)
async def test_what_may_have_arrived_is_unknown(
    elsewhere: Elsewhere, request_: HttpRequest, fault: Exception, result: Result
):
    elsewhere.fault = fault
    assert (await elsewhere.asker.answer(request_, RUN)).result is result
