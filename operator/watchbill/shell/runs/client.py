"""Sends what a step asks of the API server, as the runbook's account, and says what came of it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from watchbill.core.outcomes import Result
from watchbill.core.steps.answers import answered, unanswered
from watchbill.core.steps.contract import Answer, ApiRequest, RunFacts
from watchbill.shell.credentials import Credentials
from watchbill.shell.kube import TIMEOUT, UNAUTHORIZED, UNCOMPRESSED, KubeError, NotFound
from watchbill.shell.runs.account import Account, Accounts
from watchbill.shell.runs.discovery import Discovery, NotServed, Served

CONNECTIONS = 16
"""How many requests may be under way at once; one process performs few runs at a time."""

METHODS = {"get": "GET", "list": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
CONTENT_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
JSON = "application/json"
ACCEPT = "application/json, */*"
"""A log is plain text."""

MANAGER = "watchbill"
"""Under which name fields that are changed are managed."""

LOG_LIMITS = {"tailLines": "500", "limitBytes": str(256 * 1024)}
"""How much of a log is read: its end, of which a status shows less."""

NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""The errors after which surely nothing was sent."""


class AccountClient:
    """The API server as runbooks' accounts see it; no right of the operator's own is involved."""

    def __init__(self, credentials: Credentials, accounts: Accounts, discovery: Discovery) -> None:
        self._credentials = credentials.of_nobody()
        self._session: aiohttp.ClientSession | None = None
        self._accounts = accounts
        self._discovery = discovery

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()

    async def answer(self, request: ApiRequest, run: RunFacts) -> Answer:
        """What came of the request; raises AccountProblem where there is no token to send it with."""
        if problem := _bad_name(request):
            return Answer(Result.PERMANENT, message=problem)
        try:
            served = await self._discovery.find(request.api_version, request.kind)
        except NotServed as error:
            return Answer(Result.PERMANENT, message=str(error))
        except NotFound:
            text = f"the API server does not serve {request.api_version}"
            return Answer(Result.PERMANENT, message=text)
        except KubeError as error:
            return Answer(Result.RETRY, message=str(error))
        account = Account(run.namespace, run.account)
        token = await self._accounts.token(account)
        answer = await self._exchange(request, served, token)
        if answer.status == UNAUTHORIZED:
            self._accounts.refused(account, token)
            answer = await self._exchange(request, served, await self._accounts.token(account))
        return answer

    async def _exchange(self, request: ApiRequest, served: Served, token: str) -> Answer:
        self._session = self._session or _session(self._credentials)
        content_type = CONTENT_TYPES[request.content] if request.verb == "patch" else JSON
        try:
            async with self._session.request(
                METHODS[request.verb],
                self._credentials.server + path_of(request, served),
                params=_params(request),
                data=_body(request),
                headers={
                    "Accept": ACCEPT,
                    "Authorization": f"Bearer {token}",
                    "Content-Type": content_type,
                    **UNCOMPRESSED,
                },
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                allow_redirects=False,
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = f"the API server did not answer: {type(error).__name__}"
            return unanswered(request, not isinstance(error, NOT_SENT), said)
        return answered(request, response.status, _parsed(content), content.decode(errors="replace"))


def _session(credentials: Credentials) -> aiohttp.ClientSession:
    session = credentials.session(CONNECTIONS)
    # Else what is idempotent by its method is sent once more when the connection breaks.
    session._retry_connection = False
    return session


def path_of(request: ApiRequest, served: Served) -> str:
    """The path that the request goes to."""
    parts = [served.base]
    if served.namespaced and request.namespace:
        parts += ["namespaces", quote(request.namespace, safe="")]
    parts += [served.plural, quote(request.name, safe=""), request.subresource]
    return "/".join(part for part in parts if part)


def _bad_name(request: ApiRequest) -> str:
    """What is wrong with a name that a parameter made; empty where it can stand in a path.

    As `k8s.io/apimachinery/pkg/api/validation/path` has it.
    """
    for name in (request.name, request.namespace):
        if name in (".", "..") or "/" in name or "%" in name:
            return f"{name!r} is no name of an object"
    if request.verb in ("get", "patch", "delete") and not request.name:
        return f"{request.kind} has no name"
    return ""


def _params(request: ApiRequest) -> Mapping[str, str]:
    params = {}
    if request.selector:
        params["labelSelector"] = request.selector
    if request.subresource == "log":
        params |= LOG_LIMITS
    if request.verb in ("create", "patch"):
        params["fieldManager"] = MANAGER
    if request.dry_run:
        params["dryRun"] = "All"
    return params


def _body(request: ApiRequest) -> str | None:
    """The body; of a deletion's options the API server reads no query once there is a body."""
    if request.verb != "delete" or not request.dry_run:
        return request.body or None
    options = orjson.loads(request.body) if request.body else {}
    return orjson.dumps(options | {"dryRun": ["All"]}).decode()


def _parsed(content: bytes) -> Any:
    """The JSON of an answer; None where it is something else."""
    try:
        return orjson.loads(content)
    except ValueError:
        return None
