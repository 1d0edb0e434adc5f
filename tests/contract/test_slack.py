"""Our Slack, held against the vendor's document: what it refuses, and what it answers.

The document is of 2021. It knows no bookmarks, which therefore go around Prism: Prism answers 404 to what
it does not know. The samples of the vendor's SDK know them, and what else is newer.
"""

import itertools
import json
from typing import Any

import httpx
import pytest

from dev.contract.fault_proxy import Fault
from dev.fake_slack_shapes import BOT, Channel
from dev.receiver import SLACK_PATH, Reaction
from tests.contract.slack_stage import TOKEN
from tests.contract.stage import Stage
from tests.support.specs import vendor_document

NAMES = (f"inc-{number}" for number in itertools.count())
MARK = {"event_type": "watchbill_post", "event_payload": {"uid": "0f6e1c9a", "seq": 1}}
JSON = {"content-type": "application/json"}


class Calls:
    """Calls as the provider makes them: a query for what is read, JSON for what is done."""

    def __init__(self, origin: str, token: str = TOKEN) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # To load certificates, which nobody asks for here, takes longer than the calls.
        self._client = httpx.Client(
            base_url=f"{origin}/api",
            headers=headers,
            verify=False,
            timeout=60,  # Prism compiles a schema when it first meets it.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def read(self, method: str, **given: Any) -> httpx.Response:
        return self._client.get(method, params=given)

    def do(self, method: str, **given: Any) -> httpx.Response:
        headers = {"content-type": "application/json; charset=utf-8"}
        return self._client.post(method, content=json.dumps(given), headers=headers)

    def created(self, name: str) -> str:
        return str(good(self.do("conversations.create", name=name))["channel"]["id"])


@pytest.fixture
def calls(slack: Stage) -> Calls:
    return Calls(slack.checked)


@pytest.fixture
def name() -> str:
    return next(NAMES)


def good(response: httpx.Response) -> dict[str, Any]:
    answer = response.json()
    assert (response.status_code, answer.get("ok")) == (200, True), answer
    return dict(answer)


def the(channel: Channel | None) -> Channel:
    assert channel is not None
    return channel


@pytest.mark.parametrize(
    ("method", "given", "error"),
    [
        ("conversations.create", {"name": "taken"}, "name_taken"),
        ("conversations.create", {"name": ""}, "invalid_name_required"),
        ("conversations.create", {"name": "a" * 81}, "invalid_name_maxlength"),
        ("conversations.create", {"name": "--"}, "invalid_name_punctuation"),
        ("conversations.create", {"name": "Inc"}, "invalid_name_specials"),
        ("conversations.archive", {"channel": "C00000001"}, "already_archived"),
        ("conversations.archive", {"channel": "C00000009"}, "channel_not_found"),
        ("conversations.setTopic", {"channel": "C00000001", "topic": "x"}, "is_archived"),
        ("chat.postMessage", {"channel": "C00000001", "text": "x"}, "is_archived"),
        ("chat.postMessage", {"channel": "C00000002", "text": "x"}, "not_in_channel"),
    ],
)
def test_slacks_refusals_are_among_those_that_its_document_knows(
    slack: Stage, calls: Calls, method: str, given: dict[str, Any], error: str
):
    slack.receiver.slack.add("taken", {BOT}, is_archived=True)
    slack.receiver.slack.add("peoples")
    answer = calls.do(method, **given)
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": error})


@pytest.mark.parametrize(
    ("token", "status"),
    [pytest.param("xoxb-other", 200, id="a wrong one"), pytest.param("", 401, id="none, seen by Prism")],
)
def test_without_a_token_that_is_valid_nothing_is_done(slack: Stage, name: str, token: str, status: int):
    answer = Calls(slack.checked, token).do("conversations.create", name=name)
    assert (answer.status_code, slack.receiver.slack.channels) == (status, [])
    assert answer.json().get("error", "") == ("invalid_auth" if status == 200 else "")


@pytest.mark.parametrize(
    ("verb", "method", "given"),
    [
        pytest.param("do", "conversations.create", {"title": "inc-1"}, id="a name that is missing"),
        pytest.param("do", "conversations.create", {"name": 7}, id="a name that is a number"),
        pytest.param("do", "conversations.setTopic", {"channel": "C00000001"}, id="a topic that is missing"),
        pytest.param("do", "chat.postMessage", {"text": "x"}, id="a message without a channel"),
        pytest.param("read", "users.conversations", {"limit": "many"}, id="a limit that is a word"),
    ],
)
def test_a_wrong_request_is_refused_and_never_arrives(
    slack: Stage, calls: Calls, verb: str, method: str, given: dict[str, Any]
):
    before = len(slack.receiver.requests)
    assert getattr(calls, verb)(method, **given).status_code == 422
    assert len(slack.receiver.requests) == before


@pytest.mark.parametrize(
    ("method", "given", "answer"),
    [
        pytest.param("conversations.create", {"name": "inc"}, {"ok": True}, id="no channel"),
        pytest.param(
            "conversations.create", {"name": "inc"}, {"ok": True, "channel": {"id": "C00000001"}},
            id="a channel without its name",
        ),
        pytest.param(
            "conversations.archive", {"channel": "C1"}, {"ok": False, "error": "not_today"},
            id="an error that Slack does not know",
        ),
    ],
)  # fmt: skip
def test_a_wrong_answer_of_the_fake_is_an_error(
    slack: Stage, calls: Calls, method: str, given: dict[str, Any], answer: dict[str, Any]
):
    wrong = Reaction(status=200, headers=JSON, body=json.dumps(answer).encode())
    slack.receiver.script(f"{SLACK_PATH}/api/{method}", wrong, times=1)
    found = calls.do(method, **given)
    assert (found.status_code, found.json()["type"].partition("#")[2]) == (500, "VIOLATIONS")


def test_a_fault_before_delivery_makes_nothing(slack: Stage, name: str):
    slack.failing.script(Fault("cut"), Fault("answer", status=503))
    calls = Calls(slack.failing.url)
    with pytest.raises(httpx.RemoteProtocolError):
        calls.do("conversations.create", name=name)
    assert calls.do("conversations.create", name=name).status_code == 503
    assert slack.receiver.slack.channels == []


def unlike(found: Any, sample: Any, where: str) -> list[str]:
    """What an answer has that the vendor's sample has not, or has otherwise; null may stand for anything."""
    if found is None:
        return []
    if type(found) is not type(sample):
        return [f"{where} is {found!r}, and Slack has {sample!r}"]
    if isinstance(found, list):
        return [line for each in found for line in unlike(each, sample[0], f"{where}[]")]
    if not isinstance(found, dict) or not sample:
        return []
    strange = [f"{where}.{name} is nothing that Slack has" for name in found.keys() - sample.keys()]
    return strange + [
        line
        for name in found.keys() & sample.keys()
        for line in unlike(found[name], sample[name], f"{where}.{name}")
    ]


def test_every_answer_has_the_shape_of_the_vendors_samples_bookmarks_too(slack: Stage, name: str):
    samples = json.loads(vendor_document("slack/sample_web_api_responses.json").read_text())
    calls = Calls(f"{slack.receiver.url}{SLACK_PATH}")
    channel = calls.created(name)
    link = {"title": "Incident", "type": "link", "link": "https://example.com/incident"}
    answers = {
        "conversations.setPurpose": calls.do("conversations.setPurpose", channel=channel, purpose="p"),
        "conversations.setTopic": calls.do("conversations.setTopic", channel=channel, topic="t"),
        "bookmarks.add": calls.do("bookmarks.add", channel_id=channel, **link),
        "bookmarks.list": calls.read("bookmarks.list", channel_id=channel),
        "chat.postMessage": calls.do("chat.postMessage", channel=channel, text="x", metadata=MARK),
        "conversations.history": calls.read(
            "conversations.history", channel=channel, include_all_metadata="1"
        ),
        "auth.test": calls.read("auth.test"),
        "conversations.list": calls.read("users.conversations"),
        "conversations.archive": calls.do("conversations.archive", channel=channel),
        "conversations.create": calls.do("conversations.create", name=f"{name}-b"),
    }
    assert [
        line for method, each in answers.items() for line in unlike(good(each), samples[method], method)
    ] == []
    assert answers["bookmarks.list"].json()["bookmarks"] == [answers["bookmarks.add"].json()["bookmark"]]


def test_an_answer_of_another_shape_is_noticed():
    sample = {"ok": False, "bookmarks": [{"id": "", "rank": ""}]}
    assert unlike({"ok": True, "bookmarks": [{"id": 7, "color": "red"}]}, sample, "answer") == [
        "answer.bookmarks[].color is nothing that Slack has",
        "answer.bookmarks[].id is 7, and Slack has ''",
    ]
