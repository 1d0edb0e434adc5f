"""Calls of Slack's Web API as requests and answers: https://docs.slack.dev/apis/web-api"""

import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from watchbill.api.connection import Slack
from watchbill.core.outcomes import Result
from watchbill.providers import slack_answers
from watchbill.providers.contract import Reply, Request, Settings
from watchbill.providers.secret_values import secret

BOT_TOKEN = "slack.botTokenSecretRef"  # the path of the field, no token

Call = Generator[Request, Reply, "Answer"]


class Answer:
    """What one method answered: the verdict, which names the method where it failed, and the JSON."""

    def __init__(self, method: str, reply: Reply) -> None:
        self.body = slack_answers.body_of(reply.response) if reply.response else {}
        said = f"{method}: {reply.verdict.message}" if reply.verdict.message else ""
        self.verdict = replace(reply.verdict, message=said)

    @property
    def well(self) -> bool:
        """Whether the method did what was asked."""
        return self.verdict.result is Result.OK

    @property
    def error(self) -> str:
        """Slack's word for what went wrong."""
        return self.verdict.reason


class Api:
    """Builds the requests of one connection."""

    def __init__(self, settings: Settings) -> None:
        vendor: Slack = settings.vendor
        self._origin = vendor.base_url.rstrip("/")
        self._token = secret(settings, BOT_TOKEN)

    def read(self, method: str, **arguments: Any) -> Call:
        """Call a method that changes nothing, with its arguments in the query."""
        query = f"?{urlencode(arguments)}" if arguments else ""
        return Answer(method, (yield self._request("GET", f"{method}{query}", b"")))

    def write(self, method: str, **arguments: Any) -> Call:
        """Call a method that changes something, with its arguments in JSON."""
        body = json.dumps(arguments, ensure_ascii=False).encode()
        return Answer(method, (yield self._request("POST", method, body)))

    def _request(self, method: Any, path: str, body: bytes) -> Request:
        headers = {"authorization": f"Bearer {self._token}"}
        if body:
            headers["content-type"] = "application/json; charset=utf-8"
        return Request(method, f"{self._origin}/api/{path}", headers, body, secrets=(self._token,))
