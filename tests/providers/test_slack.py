"""What is asked of Slack, and what its answers mean."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.providers.pages import NOW, UID
from tests.providers.talking import (
    FACTS,
    NAME,
    OTHER,
    SINCE,
    TOKEN,
    Talked,
    channel,
    no,
    ok,
    room,
    settings,
    talked,
)
from watchbill.core.effects import ArchiveChannel, CreateChannel, DescribeChannel, PostToChannel
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Misconfigured, Response, Verdict
from watchbill.providers.slack import EVENT_TYPE, SlackProvider

MARK = {"uid": UID, "number": 3}
LOST = Verdict(Result.UNKNOWN, reason="Timeout", message="no answer")
UNSENT = Verdict(Result.RETRY, reason="RateLimited", message="not sent")


def create(may_adopt: tuple[str, ...] = (), **changes: Any) -> CreateChannel:
    return CreateChannel(FACTS, channel(**changes), OTHER, may_adopt)


def post(uncertain: bool = False, text: str = "it burns") -> PostToChannel:
    changes = {"external_id": "C1", "state": "Ready", "posting": 3, "uncertain": uncertain}
    return PostToChannel(FACTS, channel(**changes), text)


def describe(*bookmarks: tuple[str, str]) -> DescribeChannel:
    return DescribeChannel(FACTS, channel(external_id="C1"), "SEV-1 | it burns", bookmarks)


class TestMaking:
    def test_it_is_made_marked_and_its_address_is_known(self):
        done = talked(create(), {})
        assert done.methods == ["auth.test", "conversations.create", "conversations.setPurpose"]
        assert done.arguments("conversations.create") == {"name": NAME}
        assert UID in done.arguments("conversations.setPurpose")["purpose"]
        assert len(done.arguments("conversations.setPurpose")["purpose"]) <= 250
        url = "https://example.slack.com/archives/C1"
        assert done.verdict == Verdict(Result.OK, external_id="C1", name=NAME, url=url)

    @pytest.mark.parametrize("error", ["ratelimited", "service_unavailable"])
    def test_what_surely_made_nothing_is_tried_again(self, error: str):
        done = talked(create(), {"conversations.create": no(error)})
        assert (done.verdict.result, done.verdict.reason) == (Result.RETRY, error)
        assert done.verdict.message == f"conversations.create: {error}"

    @pytest.mark.parametrize(
        "answer",
        [LOST, no("fatal_error"), no("internal_error"), Response(503, {}, b""), Response(200, {}, b"<html>")],
    )
    def test_what_may_have_made_it_is_unknown(self, answer: Any):
        assert talked(create(), {"conversations.create": answer}).verdict.result is Result.UNKNOWN

    def test_what_was_made_and_not_marked_is_remembered_and_marked_later(self):
        first = talked(create(), {"conversations.setPurpose": UNSENT})
        assert (first.verdict.result, first.verdict.external_id) == (Result.RETRY, "C1")
        then = talked(create(external_id="C1"), {})
        assert "conversations.create" not in then.methods
        assert (then.verdict.result, then.verdict.external_id) == (Result.OK, "C1")


class TestANameThatIsTaken:
    def taken(self, found: dict[str, Any], **changes: Any) -> Talked:
        script = {"conversations.create": [no("name_taken"), ok(channel=room("C2", OTHER))]}
        return talked(create(**changes), script | {"users.conversations": ok(channels=[found])})

    def test_the_incidents_own_is_adopted_by_its_marker(self):
        done = self.taken(room(purpose=f"Incident, uid {UID}", created=1, creator="U1"))
        assert (done.verdict.external_id, done.verdict.name) == ("C1", NAME)

    def test_rule_15_an_unmarked_one_is_adopted_only_within_the_claims_window_and_from_our_bot(self):
        ours = room()
        assert self.taken(ours, may_adopt=(NAME,)).verdict.external_id == "C1"
        before = int((SINCE - timedelta(seconds=7)).timestamp())
        later = int((NOW + timedelta(seconds=7)).timestamp())
        for other in (
            room(creator="U1"),
            room(created=before),
            room(created=later),
            room(created="yesterday"),
            room(purpose="Lunch"),
            room(purpose="Incident, uid 00000000-0000-4000-8000-000000000009"),
        ):
            done = self.taken(other, may_adopt=(NAME, OTHER))
            assert (done.verdict.external_id, done.verdict.name) == ("C2", OTHER), other
        assert self.taken(ours).verdict.external_id == "C2"
        assert self.taken(ours, may_adopt=(OTHER,)).verdict.external_id == "C2"

    def test_rule_15_an_unmarked_one_under_the_other_name_is_the_incidents_own(self):
        script: dict[str, Any] = {"conversations.create": [no("name_taken"), no("name_taken")]}
        script["users.conversations"] = ok(channels=[room(), room("C2", OTHER)])
        done = talked(create((OTHER,)), script)
        assert (done.verdict.external_id, done.verdict.name) == ("C2", OTHER)

    def test_one_that_the_bot_cannot_see_is_somebody_elses(self):
        done = self.taken(room(name="another"), may_adopt=(NAME, OTHER))
        assert done.verdict.name == OTHER

    def test_it_is_looked_for_page_by_page(self):
        pages = [
            ok(channels=[room(name="a")], response_metadata={"next_cursor": "x"}),
            ok(channels=[room(purpose=UID)], response_metadata={"next_cursor": "y"}),
        ]
        done = talked(create(), {"conversations.create": no("name_taken"), "users.conversations": pages})
        assert done.verdict.external_id == "C1"
        assert done.arguments("users.conversations")["cursor"] == "x"
        assert done.arguments("users.conversations")["exclude_archived"] == "false"

    def test_a_list_that_cannot_be_read_makes_nothing_under_another_name(self):
        script = {"conversations.create": no("name_taken"), "users.conversations": no("ratelimited")}
        done = talked(create(), script)
        assert done.methods.count("conversations.create") == 1
        assert done.verdict.result is Result.RETRY

    def test_where_both_names_are_taken_it_says_so(self):
        done = talked(create(), {"conversations.create": no("name_taken")})
        assert (done.verdict.result, done.verdict.reason) == (Result.PERMANENT, "name_taken")
        assert f"{NAME} and {OTHER}" in done.verdict.message


class TestPosting:
    def test_the_message_carries_its_marker_and_wakes_nobody(self):
        done = talked(post(text="<!channel> & <@U1>"), {})
        assert done.methods == ["chat.postMessage"]
        assert done.arguments("chat.postMessage") == {
            "channel": "C1",
            "text": "&lt;!channel&gt; &amp; &lt;@U1&gt;",
            "metadata": {"event_type": EVENT_TYPE, "event_payload": MARK},
            "unfurl_links": False,
            "unfurl_media": False,
        }

    @pytest.mark.parametrize(
        ("payload", "event", "again"),
        [
            (MARK, EVENT_TYPE, False),
            (MARK | {"number": 2}, EVENT_TYPE, True),
            (MARK | {"uid": "another"}, EVENT_TYPE, True),
            (MARK, "another_app", True),
        ],
    )
    def test_where_it_may_be_there_it_is_looked_for(self, payload: Any, event: str, again: bool):
        message = {"text": "it burns", "metadata": {"event_type": event, "event_payload": payload}}
        done = talked(post(uncertain=True), {"conversations.history": ok(messages=[{"text": "hi"}, message])})
        assert ("chat.postMessage" in done.methods) is again
        assert done.verdict.result is Result.OK
        asked = done.arguments("conversations.history")
        assert asked["include_all_metadata"] == "true"
        assert float(asked["oldest"]) < SINCE.timestamp()

    def test_it_is_looked_for_page_by_page(self):
        message = {"metadata": {"event_type": EVENT_TYPE, "event_payload": MARK}}
        pages = [
            ok(messages=[], response_metadata={"next_cursor": "x"}),
            ok(messages=[message], response_metadata={"next_cursor": ""}),
        ]
        done = talked(post(uncertain=True), {"conversations.history": pages})
        assert done.methods == ["conversations.history"] * 2

    def test_where_it_cannot_be_looked_for_it_is_not_sent(self):
        done = talked(post(uncertain=True), {"conversations.history": LOST})
        assert done.methods == ["conversations.history"]
        assert done.verdict.result is Result.UNKNOWN

    @pytest.mark.parametrize("error", ["is_archived", "channel_not_found"])
    def test_a_channel_that_is_gone_is_a_conflict(self, error: str):
        assert talked(post(), {"chat.postMessage": no(error)}).verdict.result is Result.CONFLICT


class TestDescribing:
    def test_the_topic_alone_needs_one_call(self):
        done = talked(describe(), {})
        assert done.methods == ["conversations.setTopic"]
        assert done.arguments("conversations.setTopic") == {"channel": "C1", "topic": "SEV-1 | it burns"}

    def test_bookmarks_that_are_there_are_not_added_again(self):
        there = ok(bookmarks=[{"title": "Dashboard", "link": "https://d.example.com/"}])
        wanted = (("Dashboard", "https://d.example.com/"), ("Runbook", "https://r.example.com/"))
        done = talked(describe(*wanted), {"bookmarks.list": there})
        assert done.methods == ["conversations.setTopic", "bookmarks.list", "bookmarks.add"]
        assert done.arguments("bookmarks.add") == {
            "channel_id": "C1",
            "title": "Runbook",
            "type": "link",
            "link": "https://r.example.com/",
        }

    def test_a_scope_that_is_missing_is_named(self):
        refused = no("missing_scope", needed="bookmarks:write", provided="chat:write")
        done = talked(describe(("a", "https://a.example.com/")), {"bookmarks.add": refused})
        assert done.verdict.result is Result.AUTH
        assert done.verdict.message == (
            "bookmarks.add: missing_scope; the app needs the scope bookmarks:write"
        )


@pytest.mark.parametrize("answer", [ok(), no("already_archived"), no("is_archived"), no("channel_not_found")])
def test_archiving_what_is_archived_or_gone_is_well(answer: Any):
    effect = ArchiveChannel(FACTS, channel(external_id="C1"))
    assert talked(effect, {"conversations.archive": answer}).verdict == Verdict(Result.OK)


EFFECTS = (
    create(),
    post(),
    post(True),
    describe(("a", "https://a.example.com/")),
    ArchiveChannel(FACTS, channel()),
)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.action)
def test_every_request_is_authorized_and_shows_no_token(effect: Any):
    for request in talked(effect, {}).requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.url.startswith("https://slack.com/api/")
        assert TOKEN not in f"{request!r} {request.url} {request.body!r}"
        assert request.secrets == (TOKEN,)


@pytest.mark.parametrize("token", ["", "  \n"])
def test_a_blank_token_is_named_by_its_path(token: str):
    with pytest.raises(Misconfigured, match=r"spec.slack.botTokenSecretRef"):
        SlackProvider().talk(post(), settings(token), NOW)


@pytest.mark.parametrize("code", range(100, 600))
def test_every_http_code_has_a_meaning(code: int):
    found = SlackProvider().parse(Response(code, {"retry-after": "7"}, b"{}"), NOW)
    if code in (408, 425, 429):
        assert (found.result, found.after) == (Result.RETRY, timedelta(seconds=7))
    elif code in (401, 403, 407):
        assert found.result is Result.AUTH
    elif 200 <= code < 300 or code >= 500:
        assert found.result is Result.UNKNOWN, "nobody knows what became of the call"
    else:
        assert found.result in (Result.PERMANENT, Result.CONFLICT)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"ok"', b"\xff", b"[" * 100_000, json.dumps({"ok": "yes"}).encode()]
)
def test_an_answer_that_is_not_slacks_is_unknown(body: bytes):
    found = SlackProvider().parse(Response(200, {}, body), NOW)
    assert (found.result, found.reason) == (Result.UNKNOWN, "UnexpectedAnswer")


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "account_inactive", "missing_scope"])
def test_an_error_about_the_token_is_about_the_credential(error: str):
    assert talked(create(), {"auth.test": no(error)}).verdict.result is Result.AUTH
