"""Answers whatever a step asks: of the API server, of an address elsewhere, or of people."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson

from watchbill.api.connection import SecretKeyRef
from watchbill.core.outcomes import Result
from watchbill.core.runs.output import masked
from watchbill.core.secret_forms import credentials
from watchbill.core.steps.answers import answered, unanswered
from watchbill.core.steps.contract import Answer, ApiRequest, HttpRequest, Message, Request, RunFacts
from watchbill.providers import contract
from watchbill.providers.contract import Response, Verdict
from watchbill.shell.redact import redacted
from watchbill.shell.runs.client import AccountClient
from watchbill.shell.web import Web

HTTP_TIMEOUT = 30.0
"""Seconds that one HTTP request of a step may take."""

Say = Callable[[Message, RunFacts], Awaitable[Answer]]


class Asker:
    """Sends each request where it goes, in the way that lets its outcome be told."""

    def __init__(self, client: AccountClient, web: Web, say: Say) -> None:
        self._client = client
        self._web = web
        self._say = say

    async def answer(self, request: Request, run: RunFacts) -> Answer:
        """What came of the request; raises AccountProblem where it needs a token and there is none."""
        match request:
            case ApiRequest():
                return await self._client.answer(request, run)
            case HttpRequest():
                return await self._elsewhere(request, run)
            case Message():
                # A channel has more readers than the run, and a console is a log.
                return await self._say(replace(request, text=masked(request.text, run.masked)), run)

    async def _elsewhere(self, request: HttpRequest, run: RunFacts) -> Answer:
        headers = dict(request.headers)
        if request.body and is_json(request.body) and "content-type" not in map(str.lower, headers):
            headers["Content-Type"] = "application/json"
        secret = ""
        if request.authorization is not None:
            found = await self._secret(request.authorization, run)
            if isinstance(found, Answer):
                return found
            headers["Authorization"] = secret = found
        wanted = contract.Request(
            request.method, request.url, headers, request.body.encode(), credentials(secret)
        )
        reply = await self._web.deliver(wanted, HTTP_TIMEOUT)
        answer = _read(request, reply)
        return replace(answer, message=redacted(answer.message, (*credentials(secret), *run.masked)))

    async def _secret(self, ref: SecretKeyRef, run: RunFacts) -> str | Answer:
        """The value under the key, read as the runbook's account; else what came of that."""
        answer = await self._client.answer(ApiRequest("get", "v1", "Secret", run.namespace, ref.name), run)
        if not answer.is_ok:
            # Nothing was sent for which the Secret is needed.
            surely = answer.result if answer.result != Result.UNKNOWN else Result.RETRY
            return Answer(surely, message=f"Secret {ref.name} cannot be read: {answer.message}")
        try:
            value = base64.b64decode(answer.body["data"][ref.key]).decode().strip()
        except (KeyError, TypeError, binascii.Error, UnicodeDecodeError):
            return Answer(Result.PERMANENT, message=f"Secret {ref.name} has no text under the key {ref.key}")
        return value


def _read(request: HttpRequest, reply: Response | Verdict) -> Answer:
    if isinstance(reply, Response):
        text = reply.body.decode(errors="replace")
        return answered(request, reply.status, _parsed(reply.body), text)
    if reply.result in (Result.UNKNOWN, Result.RETRY):
        return unanswered(request, reply.result == Result.UNKNOWN, reply.message)
    return Answer(reply.result, message=reply.message)


def is_json(text: str) -> bool:
    """Whether the text is JSON."""
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None
