"""An exchange with a chat that answers by script: which requests were made, and what came of the whole."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.providers.pages import NOW, UID
from watchbill.api.connection import Slack
from watchbill.api.resources import Channel
from watchbill.core.effects import ChannelEffect, IncidentFacts
from watchbill.providers.contract import Reply, Request, Response, Settings, Verdict
from watchbill.providers.slack import SlackProvider

TOKEN = "xoxb-for-tests"
FACTS = IncidentFacts(UID, "shop", "checkout", "Checkout returns 500", "SEV-1", 1)
NAME = "inc-20260309-checkout"
OTHER = f"{NAME}-{UID[:4]}"
BOT = "U0B0T"
SINCE = NOW - timedelta(seconds=30)

Answer = Mapping[str, Any] | Response | Verdict
"""JSON of an HTTP 200, a whole answer, or the verdict where none came."""


def settings(token: str = TOKEN) -> Settings:
    ref = {"botTokenSecretRef": {"name": "slack", "key": "botToken"}}
    return Settings(Slack.model_validate(ref), {"slack.botTokenSecretRef": token})


def channel(**changes: Any) -> Channel:
    known = Channel(connection="slack", namespace="chat", name=NAME, state="Pending", since_time=SINCE)
    return known.model_copy(update=changes)


def ok(**body: Any) -> dict[str, Any]:
    return {"ok": True} | body


def no(error: str, **body: Any) -> dict[str, Any]:
    return {"ok": False, "error": error} | body


def room(id_: str = "C1", name: str = NAME, purpose: str = "", **more: Any) -> dict[str, Any]:
    """A channel as Slack tells of it: by default one that our bot made a moment ago, without marker."""
    created = int(NOW.timestamp()) - 5
    return {"id": id_, "name": name, "created": created, "creator": BOT, "purpose": {"value": purpose}} | more


@dataclass
class Talked:
    """An exchange that has ended."""

    verdict: Verdict
    requests: list[Request] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """The methods that were called, in order."""
        return [method_of(request) for request in self.requests]

    def arguments(self, method: str) -> dict[str, Any]:
        """What the method was last called with."""
        return arguments_of([each for each in self.requests if method_of(each) == method][-1])


def method_of(request: Request) -> str:
    return urlsplit(request.url).path.removeprefix("/api/")


def arguments_of(request: Request) -> dict[str, Any]:
    if request.body:
        found: dict[str, Any] = json.loads(request.body)
        return found
    return dict(parse_qsl(urlsplit(request.url).query))


def talked(effect: ChannelEffect, script: Mapping[str, Answer | Sequence[Any]]) -> Talked:
    """The exchange for an effect; a method that the script does not name does well."""
    provider, done = SlackProvider(), Talked(Verdict.__new__(Verdict))
    left = {name: list(each) if isinstance(each, list) else [each] for name, each in script.items()}
    talk = provider.talk(effect, settings(), NOW)
    request = next(talk)
    while True:
        done.requests.append(request)
        answers = left.get(method_of(request), [DEFAULTS.get(method_of(request), ok())])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Verdict):
            reply = Reply(answer)
        else:
            found = answer if isinstance(answer, Response) else Response(200, {}, json.dumps(answer).encode())
            reply = Reply(provider.parse(found, NOW), found)
        try:
            request = talk.send(reply)
        except StopIteration as end:
            done.verdict = end.value
            return done


DEFAULTS: Mapping[str, dict[str, Any]] = {
    "auth.test": ok(url="https://example.slack.com/", user_id=BOT),
    "conversations.create": ok(channel=room()),
    "users.conversations": ok(channels=[]),
    "conversations.history": ok(messages=[]),
    "bookmarks.list": ok(bookmarks=[]),
}
