"""Slack's calls for an incident's channel, held against its document on the way out and on the way back.

The document is of 2021. It knows no bookmarks, which therefore go around Prism: Prism answers 404 to what
it does not know. The samples of the vendor's SDK know them, and what else is newer.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dev.contract.fault_proxy import CUT_AFTER_DELIVERY, Fault
from dev.contract.tools import Tools
from dev.fake_slack import FakeSlack
from dev.fake_slack_shapes import BOT, Channel
from dev.receiver import SLACK_PATH, Reaction, Receiver
from tests.contract.stage import Stage, stage
from tests.support.specs import vendor_document

TOKEN = "xoxb-example"
NAMES = (f"inc-{number}" for number in itertools.count())
MARK = {"event_type": "watchbill_post", "event_payload": {"uid": "0f6e1c9a", "seq": 1}}
JSON = {"content-type": "application/json"}


def strict(node: Any) -> Any:
    """The document with its unions made to bite.

    It words "one of these" as `items` without a type, which only arrays have to heed: so any channel at
    all would be a channel.
    """
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "type" not in node and isinstance(node.get("items"), dict) and node["items"].keys() == {"anyOf"}:
        node = {**node, **node["items"]}
        del node["items"]
    return {name: strict(each) for name, each in node.items()}


@pytest.fixture(scope="module")
def played(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("slack")
    document = directory / "document.json"
    original = vendor_document("slack/slack_web_openapi_v3.trimmed.json")
    document.write_text(json.dumps(strict(json.loads(original.read_text()))))
    receiver = Receiver(slack=FakeSlack(tokens={TOKEN}))
    with stage(tools, document, receiver, SLACK_PATH, directory) as running:
        yield running


@pytest.fixture
def vendor(played: Stage) -> Stage:
    played.failing.script()
    played.receiver.slack.channels.clear()
    return played


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
def calls(vendor: Stage) -> Calls:
    return Calls(vendor.checked)


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


def test_a_channel_is_made_spoken_in_and_archived(vendor: Stage, calls: Calls, name: str):
    bot = good(calls.read("auth.test"))["user_id"]
    channel = calls.created(name)
    good(calls.do("conversations.setPurpose", channel=channel, purpose="watchbill 0f6e1c9a"))
    good(calls.do("conversations.setTopic", channel=channel, topic="SEV-1, Triggered"))
    ts = good(calls.do("chat.postMessage", channel=channel, text="Ana is paged.", metadata=MARK))["ts"]
    history = good(
        calls.read("conversations.history", channel=channel, include_all_metadata="true", limit=200)
    )
    [mine] = [each for each in history["messages"] if each.get("metadata") == MARK]
    [listed] = good(calls.read("users.conversations", exclude_archived="true", limit=200))["channels"]
    good(calls.do("conversations.archive", channel=channel))
    assert (mine["ts"], mine["user"]) == (ts, bot)
    assert (listed["id"], listed["creator"]) == (channel, bot)
    assert (listed["topic"]["value"], listed["purpose"]["value"]) == (
        "SEV-1, Triggered",
        "watchbill 0f6e1c9a",
    )
    assert the(vendor.receiver.slack.channel(name)).is_archived


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
    vendor: Stage, calls: Calls, method: str, given: dict[str, Any], error: str
):
    vendor.receiver.slack.add("taken", {BOT}, is_archived=True)
    vendor.receiver.slack.add("peoples")
    answer = calls.do(method, **given)
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": error})


@pytest.mark.parametrize(
    ("token", "status"),
    [pytest.param("xoxb-other", 200, id="a wrong one"), pytest.param("", 401, id="none, seen by Prism")],
)
def test_without_a_token_that_is_valid_nothing_is_done(vendor: Stage, name: str, token: str, status: int):
    answer = Calls(vendor.checked, token).do("conversations.create", name=name)
    assert (answer.status_code, vendor.receiver.slack.channels) == (status, [])
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
    vendor: Stage, calls: Calls, verb: str, method: str, given: dict[str, Any]
):
    before = len(vendor.receiver.requests)
    assert getattr(calls, verb)(method, **given).status_code == 422
    assert len(vendor.receiver.requests) == before


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
    vendor: Stage, calls: Calls, method: str, given: dict[str, Any], answer: dict[str, Any]
):
    wrong = Reaction(status=200, headers=JSON, body=json.dumps(answer).encode())
    vendor.receiver.script(f"{SLACK_PATH}/api/{method}", wrong, times=1)
    found = calls.do(method, **given)
    assert (found.status_code, found.json()["type"].partition("#")[2]) == (500, "VIOLATIONS")


def test_a_create_that_is_cut_after_delivery_is_found_again(vendor: Stage, name: str):
    vendor.receiver.slack.longest_page = 2
    calls = Calls(vendor.failing.url)
    for number in range(3):
        calls.created(f"{name}-before-{number}")
    vendor.failing.script(CUT_AFTER_DELIVERY)
    with pytest.raises(httpx.RemoteProtocolError):
        calls.do("conversations.create", name=name)
    assert calls.do("conversations.create", name=name).json()["error"] == "name_taken"
    bot = good(calls.read("auth.test"))["user_id"]
    found, cursor = [], ""
    while True:
        given = {"limit": 200, "exclude_archived": "true"} | ({"cursor": cursor} if cursor else {})
        answer = good(calls.read("users.conversations", **given))
        found += [each for each in answer["channels"] if each["name"] == name]
        if not (cursor := answer["response_metadata"]["next_cursor"]):
            break
    made = the(vendor.receiver.slack.channel(name))
    assert [(each["id"], each["creator"], each["created"]) for each in found] == [
        (made.id, bot, made.created)
    ]


def test_a_message_that_is_cut_after_delivery_is_found_again_by_its_mark(vendor: Stage, name: str):
    calls = Calls(vendor.failing.url)
    channel = calls.created(name)
    vendor.failing.script(CUT_AFTER_DELIVERY)
    with pytest.raises(httpx.RemoteProtocolError):
        calls.do("chat.postMessage", channel=channel, text="Ana is paged.", metadata=MARK)
    history = good(calls.read("conversations.history", channel=channel, include_all_metadata="true"))
    assert [each["text"] for each in history["messages"] if each.get("metadata") == MARK] == ["Ana is paged."]


def test_slacks_limit_comes_with_its_seconds(vendor: Stage, calls: Calls, name: str):
    body = b'{"ok": false, "error": "ratelimited"}'
    limited = Reaction(status=429, headers={"retry-after": "30", **JSON}, body=body)
    vendor.receiver.script(f"{SLACK_PATH}/api/conversations.create", limited, times=1)
    answer = calls.do("conversations.create", name=name)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")


def test_a_fault_before_delivery_makes_nothing(vendor: Stage, name: str):
    vendor.failing.script(Fault("cut"), Fault("answer", status=503))
    calls = Calls(vendor.failing.url)
    with pytest.raises(httpx.RemoteProtocolError):
        calls.do("conversations.create", name=name)
    assert calls.do("conversations.create", name=name).status_code == 503
    assert vendor.receiver.slack.channels == []


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


def test_every_answer_has_the_shape_of_the_vendors_samples_bookmarks_too(vendor: Stage, name: str):
    samples = json.loads(vendor_document("slack/sample_web_api_responses.json").read_text())
    calls = Calls(f"{vendor.receiver.url}{SLACK_PATH}")
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
