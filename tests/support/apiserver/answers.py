"""Answers, and the ways in which the real server says no."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from tests.support.apiserver.resources import Body, Resource

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class Answer(NamedTuple):
    """What the server says to one request."""

    code: int
    body: Body | str
    headers: Mapping[str, str] = {}

    @property
    def content(self) -> bytes:
        """The body, as it goes over the wire."""
        return self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)

    @property
    def content_type(self) -> str:
        """What the body is."""
        return "text/plain; charset=utf-8" if isinstance(self.body, str) else "application/json"


class Refusal(Exception):
    """The server says no, in a Status."""

    def __init__(self, code: int, reason: str, message: str, details: Body | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "code": code,
        }
        self.status |= {"reason": reason} if reason else {}
        self.status |= {} if details is None else {"details": details}

    @property
    def answer(self) -> Answer:
        """The Status as an answer."""
        return Answer(self.code, self.status)


PAGE_NOT_FOUND = Answer(404, "404 page not found\n")
"""What a path gets of whose group or kind nobody has heard."""

UNKNOWN_RESOURCE = Refusal(404, "NotFound", "the server could not find the requested resource", {})


def unmodeled(what: str) -> Refusal:
    """The real server knows this, and this one does not: no test may rest on a guess."""
    return Refusal(501, "NotImplemented", f"the server of the tests does not model {what}")


def details(resource: Resource, name: str = "", kind: str = "") -> Body:
    """What an answer is about."""
    found = {"name": name, "group": resource.group, "kind": kind or resource.plural}
    return {key: value for key, value in found.items() if value}


def succeeded(resource: Resource, metadata: Body) -> Answer:
    """It is gone."""
    body: Body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return Answer(200, body | {"details": details(resource, metadata["name"]) | {"uid": metadata["uid"]}})


def not_found(resource: Resource, name: str) -> Refusal:
    """There is no such object."""
    message = f'{resource.qualified_plural} "{name}" not found'
    return Refusal(404, "NotFound", message, details(resource, name))


def already_exists(resource: Resource, name: str, deleting: bool) -> Refusal:
    """There is one of that name, or there still is."""
    message = f'{resource.qualified_plural} "{name}" already exists'
    prefix = "object is being deleted: " if deleting else ""
    return Refusal(409, "AlreadyExists", prefix + message, details(resource, name))


def conflict(resource: Resource, name: str, why: str = MODIFIED, of_kind: bool = False) -> Refusal:
    """It is not what was meant any more."""
    what = resource.qualified_kind if of_kind else resource.qualified_plural
    message = f'Operation cannot be fulfilled on {what} "{name}": {why}'
    about = details(resource, name, resource.kind if of_kind else "")
    return Refusal(409, "Conflict", message, about)


def unversioned(resource: Resource, name: str) -> Refusal:
    """It does not say which version is meant, and has to."""
    why = "Invalid value: 0: must be specified for an update"
    field = "metadata.resourceVersion"
    message = f'{resource.qualified_plural} "{name}" is invalid: {field}: {why}'
    cause = {"reason": "FieldValueInvalid", "message": why, "field": field}
    return Refusal(422, "Invalid", message, details(resource, name) | {"causes": [cause]})


def invalid(resource: Resource, name: str, field: str, why: str, reason: str = "Invalid") -> Refusal:
    """A field is wrong; an object of a CRD is validated twice, and its causes are told twice."""
    message = f'{resource.qualified_kind} "{name}" is invalid: {field}: {why}'
    cause = {"reason": f"FieldValue{reason}", "message": why, "field": field}
    about = details(resource, name, resource.kind) | {"causes": [cause] * (2 if resource.custom else 1)}
    return Refusal(422, "Invalid", message, about)


def bad_request(message: str) -> Refusal:
    """The request makes no sense."""
    return Refusal(400, "BadRequest", message)


def expired(message: str, continuation: str = "") -> Refusal:
    """What was asked for has been forgotten; a list may go on from the continuation."""
    refusal = Refusal(410, "Expired", message)
    refusal.status["metadata"] = {"continue": continuation} if continuation else {}
    return refusal


def with_causes(refusal: Refusal, causes: Sequence[Body]) -> Refusal:
    """The refusal, saying why."""
    refusal.status["details"] = refusal.status.get("details", {}) | {"causes": list(causes)}
    return refusal
