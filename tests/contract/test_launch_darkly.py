"""A flag of LaunchDarkly, held against its document on the way out and on the way back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from dev.contract.prism import prism
from dev.contract.tools import Tools
from tests.core.steps.driving import RUN, step
from tests.support.specs import vendor_document
from watchbill.api.runbook import Step
from watchbill.core.outcomes import Result
from watchbill.core.steps.answers import answered, unanswered
from watchbill.core.steps.contract import Answer, HttpRequest
from watchbill.core.steps.flag import FlagKind
from watchbill.core.steps.flag_services import SEMANTIC_PATCH

KIND = FlagKind()
LINK = {"href": "/", "type": "application/json"}
TURNS = {"turnFlagOn": True, "turnFlagOff": False}


@dataclass
class Flag:
    """A flag as LaunchDarkly keeps it, and what it answers."""

    is_on: bool = True
    refusal: int = 0
    """The status with which a change is refused, where it is."""
    seen: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, content_type: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer to a request that the document allows."""
        if method == "PATCH":
            if self.refusal:
                return self.refusal, {"code": "refused", "message": "no"}
            if content_type != SEMANTIC_PATCH:
                return 400, {"code": "invalid_request", "message": "that is no semantic patch"}
            self.seen.append(json.loads(body))
            self.is_on = TURNS[self.seen[-1]["instructions"][0]["kind"]]
        return 200, self._shown()

    def _shown(self) -> dict[str, Any]:
        numbers = {"version": 1, "lastModified": 1, "salt": "s", "sel": "s", "archived": False}
        tracked = {"trackEvents": False, "trackEventsFallthrough": False}
        place = {"_environmentName": "Production", "_site": LINK, "on": self.is_on, **numbers, **tracked}
        flag = {
            "name": "Checkout",
            "kind": "boolean",
            "key": "new-checkout",
            "_version": 1,
            "creationDate": 1,
        }
        rest = {"tags": [], "temporary": True, "archived": False, "customProperties": {}, "_links": {}}
        experiments = {"baselineIdx": 0, "items": []}
        variations = [{"value": True}, {"value": False}]
        more = {"experiments": experiments, "variations": variations, "environments": {"production": place}}
        return flag | rest | more


@dataclass(frozen=True)
class Vendor:
    """The flag, and the origin at which its document is heeded."""

    flag: Flag
    url: str

    def step(self, enabled: bool = False) -> Step:
        """A step that turns the flag on or off."""
        secret = {"name": "launchdarkly", "key": "token"}
        at = {"project": "shop", "environment": "production", "feature": "new-checkout"}
        body = {"baseURL": self.url, "enabled": enabled, "authorizationSecretRef": secret}
        return step(flag={"launchDarkly": at | body})

    def tell(self, exchange: Any) -> Any:
        """What comes of the exchange."""
        answer: Answer | None = None
        try:
            while True:
                answer = self.answer(exchange.send(answer))
        except StopIteration as stop:
            return stop.value

    def answer(self, request: HttpRequest, token: str = "api-example") -> Answer:
        """The answer to one request, sent with the token as the operator does."""
        headers = dict(request.headers) | ({"Authorization": token} if token else {})
        try:
            found = httpx.request(request.method, request.url, headers=headers, content=request.body)
        except httpx.HTTPError as error:
            return unanswered(request, True, type(error).__name__)
        return answered(request, found.status_code, found.json() if found.content else None)


@pytest.fixture(scope="module")
def running(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    flag = Flag()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            kind = self.headers.get("Content-Type") or ""
            status, body = flag.answer(self.command, kind, self.rfile.read(length))
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_PATCH = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 as the base class names it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    document = vendor_document("launchdarkly/openapi.trimmed.json")
    upstream = f"http://127.0.0.1:{server.server_port}"
    with prism(tools, document, upstream, tmp_path_factory.mktemp("launchdarkly")) as checked:
        yield Vendor(flag, checked.url)
    server.shutdown()
    server.server_close()


@pytest.fixture
def vendor(running: Vendor) -> Vendor:
    running.flag.is_on, running.flag.refusal = True, 0
    running.flag.seen.clear()
    return running


@pytest.mark.feature("F43")
def test_a_flag_is_turned_off_read_back_and_turned_on_again(vendor: Vendor):
    body = vendor.step()
    planned = vendor.tell(KIND.plan(body, RUN))
    assert (planned.denied, planned.diff) == ("", ("enabled: true -> false",))
    result = vendor.tell(KIND.act(body, RUN, planned))
    assert (result.result, result.pending, vendor.flag.is_on) == (Result.OK, False, False)
    assert vendor.flag.seen == [
        {
            "environmentKey": "production",
            "comment": "Watchbill: run shop/run-1",
            "instructions": [{"kind": "turnFlagOff"}],
        }
    ]
    assert vendor.tell(KIND.restored(body, RUN, result.undo)).result == Result.OK
    assert vendor.flag.is_on


@pytest.mark.parametrize(
    ("status", "result", "said"),
    [
        (405, Result.PERMANENT, "HTTP 405: the environment demands an approval of this change"),
        (409, Result.CONFLICT, "HTTP 409"),
        (429, Result.RETRY, "HTTP 429"),
    ],
)
def test_a_refusal_passes_and_changes_nothing(vendor: Vendor, status: int, result: Result, said: str):
    body = vendor.step()
    planned = vendor.tell(KIND.plan(body, RUN))
    vendor.flag.refusal = status
    found = vendor.tell(KIND.act(body, RUN, planned))
    assert (found.result, vendor.flag.is_on) == (result, True)
    assert said in found.message


def test_a_wrong_request_and_one_without_a_token_never_arrive(vendor: Vendor):
    (write,) = vendor.tell(KIND.plan(vendor.step(), RUN)).requests
    empty = replace(write, body=json.dumps({**json.loads(write.body), "instructions": []}))
    assert vendor.answer(empty).status == 422
    assert vendor.answer(write, token="").status == 401
    assert (vendor.flag.seen, vendor.flag.is_on) == ([], True)
