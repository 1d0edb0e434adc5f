"""Tokens of runbooks' accounts, and the requests that are sent with them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faults.run_stage import ACCOUNT, SETTINGS
from tests.shell.fake_time import RunningTime
from tests.support.apiserver.answers import Answer
from tests.support.apiserver.in_process import InProcess
from tests.support.apiserver.reading import Request
from tests.support.apiserver.requests import NoAnswer
from tests.support.workloads import Workloads
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import ApiRequest, RunFacts
from watchbill.shell.credentials import Credentials
from watchbill.shell.kube import Kube
from watchbill.shell.metrics import Metrics
from watchbill.shell.runs.account import Account, AccountProblem, Accounts
from watchbill.shell.runs.client import AccountClient
from watchbill.shell.runs.discovery import Discovery

RUN = RunFacts("u-1", "shop", "run-1", "incident-responder", "")
GET = ApiRequest("get", "v1", "ConfigMap", "shop", "settings")


class Room:
    """A client, and the server that it asks."""

    def __init__(self, time: RunningTime) -> None:
        self.time = time
        self.server = Workloads(lambda: datetime(2026, 3, 9, tzinfo=UTC))
        self.server.granted.add(ACCOUNT)
        self.server.rights |= {(verb, "configmaps") for verb in ("get", "patch", "create", "delete")}
        self.server.put(SETTINGS, {"kind": "ConfigMap", "metadata": {"name": "settings"}})
        self.asked: list[Request] = []
        self.breaks = False
        clock = time.clock()
        credentials = InProcess(self.handle)
        self.kube = Kube(credentials, clock, Metrics())
        self.accounts = Accounts(self.kube, clock.monotonic, "watchbill:watchbill")
        self.client = AccountClient(credentials, self.accounts, Discovery(self.kube))

    async def handle(self, request: Request) -> Answer:
        self.asked.append(request)
        if self.breaks and request.authorization:
            raise NoAnswer
        found = self.server.answer(request)
        assert isinstance(found, Answer)
        return found

    @property
    def tokens(self) -> int:
        """How many tokens were asked for."""
        return sum(request.path.endswith("/token") for request in self.asked)


@pytest.fixture
async def room(time: RunningTime) -> AsyncIterator[Room]:
    made = Room(time)
    yield made
    await made.client.close()
    await made.kube.close()


async def test_one_token_of_ten_minutes_is_used_for_eight(room: Room):
    for seconds in (0, 470):
        room.time.advance(seconds)
        assert (await room.client.answer(GET, RUN)).is_ok
    assert room.tokens == 1
    (asked,) = [json.loads(request.body) for request in room.asked if request.path.endswith("/token")]
    assert asked["spec"] == {"expirationSeconds": 600}
    room.time.advance(11)
    assert (await room.client.answer(GET, RUN)).is_ok
    assert room.tokens == 2


async def test_a_token_that_is_refused_is_asked_for_anew_once(room: Room):
    assert (await room.client.answer(GET, RUN)).is_ok
    room.server.tokens.clear()
    assert (await room.client.answer(GET, RUN)).is_ok
    assert room.tokens == 2


async def test_the_operator_shows_itself_to_nobody_in_an_accounts_name():
    own = Credentials("https://api", certificate_pem=b"c", key_pem=b"k", token="t", insecure=True)
    nobody = own.of_nobody()
    assert (nobody.server, nobody.insecure, nobody.authorization()) == ("https://api", True, None)
    assert (nobody.certificate_pem, nobody.key_pem) == (None, None)


async def test_a_token_that_cannot_be_had_says_who_must_do_what(room: Room):
    room.server.granted.clear()
    with pytest.raises(AccountProblem, match="kubectl -n shop create role incident-responder-token") as told:
        await room.accounts.token(Account("shop", "incident-responder"))
    assert told.value.result is Result.AUTH


async def test_no_token_is_shown(room: Room):
    token = await room.accounts.token(Account("shop", "incident-responder"))
    assert token not in repr(vars(room.accounts))


async def test_a_deletion_that_is_only_foretold_deletes_nothing(room: Room):
    """The API server reads `dryRun` of the query only where a deletion has no body."""
    body = json.dumps({"preconditions": {"uid": "c-1"}})
    answer = await room.client.answer(
        ApiRequest("delete", "v1", "ConfigMap", "shop", "settings", body=body, dry_run=True), RUN
    )
    assert answer.is_ok
    assert json.loads(room.asked[-1].body) == {"preconditions": {"uid": "c-1"}, "dryRun": ["All"]}
    assert SETTINGS in room.server.things


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a%2Fb", ""])
async def test_no_parameter_leads_elsewhere(room: Room, name: str):
    answer = await room.client.answer(ApiRequest("get", "v1", "ConfigMap", "shop", name), RUN)
    assert (answer.result, room.asked) == (Result.PERMANENT, [])


UNSERVED: list[tuple[str, str]] = [("v1", "Nothing"), ("example.com/v1", "Thing"), ("../v1", "Secret")]


@pytest.mark.parametrize(("version", "kind"), UNSERVED)
async def test_what_is_not_served_is_refused_for_good(room: Room, version: str, kind: str):
    answer = await room.client.answer(ApiRequest("get", version, kind, "shop", "thing"), RUN)
    assert (answer.result, room.tokens) == (Result.PERMANENT, 0)


CHANGES: list[tuple[Any, Result]] = [
    (GET, Result.RETRY),
    (ApiRequest("patch", "v1", "ConfigMap", "shop", "settings", body="{}", content="merge"), Result.UNKNOWN),
]


@pytest.mark.parametrize(("request_", "result"), CHANGES)
async def test_nobody_can_tell_what_became_of_a_change_without_an_answer(
    room: Room, request_: ApiRequest, result: Result
):
    room.breaks = True
    assert (await room.client.answer(request_, RUN)).result is result
