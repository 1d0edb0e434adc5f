"""What runbooks change: a few objects on the API server of the tests, and accounts that may do so."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.support.apiserver.answers import Answer, Refusal, unmodeled
from tests.support.apiserver.discovery import DOCUMENTS
from tests.support.apiserver.reading import MERGE_PATCH, Request
from tests.support.apiserver.requests import ApiServer
from tests.support.apiserver.rules import merged
from tests.support.apiserver.watching import Stream

Body = dict[str, Any]

SERVED = {"/api/v1": {"ConfigMap": "configmaps"}, "/apis/apps/v1": {"Deployment": "deployments"}}
PLURALS = {plural for kinds in SERVED.values() for plural in kinds.values()}
OURS = {"runbookruns", "secrets"}
"""What accounts reach of that which the server holds anyway."""


class Workloads(ApiServer):
    """An API server that gives out tokens, and holds objects which only their bearers can reach."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.granted: set[str] = set()
        """The accounts, as namespace/name, of which the operator may have tokens."""
        self.rights: set[tuple[str, str]] = set()
        """(verb, plural) of what every account may do."""
        self.things: dict[str, Body] = {}
        """By path."""
        self.tokens: dict[str, str] = {}
        self.wrote: list[tuple[str, str, str]] = []
        """(account, method, path) of each request that changed something."""

    def put(self, path: str, body: Body) -> None:
        """Have an object at a path."""
        self.things[path] = self._stored(body)

    def _answer(self, request: Request) -> Answer | Stream:
        if request.path in SERVED:
            return Answer(200, _document(request.path))
        words = request.path.strip("/").split("/")
        if words[-1] == "token":
            return self._token(f"{words[3]}/{words[5]}")
        plural = words[words.index("namespaces") + 2] if "namespaces" in words[:-2] else ""
        if not (plural in PLURALS or (request.authorization and plural in OURS)):
            return super()._answer(request)
        account = self.tokens.get((request.authorization or "").removeprefix("Bearer "))
        if account is None:
            raise Refusal(401, "Unauthorized", "Unauthorized")
        self._check(account, request.method, plural)
        dry = request.query.get("dryRun") == "All" or '"dryRun"' in str(request.body)
        if request.method != "GET" and not dry:
            self.wrote.append((account, request.method, request.path))
        if plural in OURS:
            kept = {name: value for name, value in request.query.items() if name != "dryRun"}
            if dry:
                return Answer(201, json.loads(request.body))
            return super()._answer(request._replace(query=kept))
        return self._of_things(request, dry)

    def _token(self, account: str) -> Answer:
        if account not in self.granted:
            raise Refusal(403, "Forbidden", "serviceaccounts/token is forbidden")
        token = f"token-{len(self.tokens)}-of-{account}"
        self.tokens[token] = account
        return Answer(201, {"kind": "TokenRequest", "status": {"token": token}})

    def _check(self, account: str, method: str, plural: str) -> None:
        verb = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
        if (verb, plural) not in self.rights:
            user = f"system:serviceaccount:{account.replace('/', ':')}"
            why = f'{plural} is forbidden: User "{user}" cannot {verb} resource "{plural}"'
            raise Refusal(403, "Forbidden", why)

    def _of_things(self, request: Request, dry: bool) -> Answer:
        found = self.things.get(request.path)
        if request.method == "POST":
            body = json.loads(request.body)
            path = f"{request.path}/{body['metadata']['name']}"
            if path in self.things:
                raise Refusal(409, "AlreadyExists", "already exists")
            if not dry:
                self.put(path, body)
            return Answer(201, body)
        if found is None:
            raise Refusal(404, "NotFound", f"{request.path.rpartition('/')[2]} not found")
        if request.method == "PATCH":
            return Answer(200, self._patched(request, found, dry))
        if request.method == "DELETE" and not dry:
            del self.things[request.path]
        return Answer(200, found)

    def _patched(self, request: Request, found: Body, dry: bool) -> Body:
        if request.content_type != MERGE_PATCH:
            raise unmodeled(f"patches of the type {request.content_type}")
        patch = json.loads(request.body)
        wanted = patch.get("metadata", {}).get("resourceVersion", found["metadata"]["resourceVersion"])
        if wanted != found["metadata"]["resourceVersion"]:
            raise Refusal(409, "Conflict", "the object has been modified")
        new: Body = merged(found, patch)
        if dry:
            return new
        if new != found:
            self.put(request.path, new)
        return self.things[request.path]

    def _stored(self, body: Body) -> Body:
        self.store.version += 1
        return body | {"metadata": body["metadata"] | {"resourceVersion": str(self.store.version)}}


def _document(path: str) -> Body:
    known: Any = DOCUMENTS.get(path, {"kind": "APIResourceList", "resources": []})
    rows = [{"name": plural, "namespaced": True, "kind": kind} for kind, plural in SERVED[path].items()]
    return {**known, "resources": [*known["resources"], *rows]}
