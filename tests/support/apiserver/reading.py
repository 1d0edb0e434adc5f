"""Reads requests: what the path is about, and what the body holds."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import orjson

from tests.support.apiserver.answers import (
    PAGE_NOT_FOUND,
    UNKNOWN_RESOURCE,
    Answer,
    Refusal,
    bad_request,
    unmodeled,
)
from tests.support.apiserver.resources import NAMESPACES, Body, Resource, find, is_built_in

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
NAMED = ("namespaces", "the name of one")
NO_JSON = "couldn't get version/kind; json parse error: it is no object"
OTHER_PATCHES = ("application/json-patch+json", "application/apply-patch+yaml")


class Request(NamedTuple):
    """What somebody asks of the server."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    body: str | bytes = ""
    content_type: str = JSON
    accept: str = JSON
    authorization: str | None = None


class Place(NamedTuple):
    """What a path is about."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


@lru_cache(1000)
def place_of(path: str) -> Place | Answer:
    """What the path is about, or what is answered where it is about nothing."""
    words = path.strip("/").split("/")
    group, version, *rest = ["", *words[1:], ""] if words[0] == "api" else [*words[1:], "", ""]
    rest = [word for word in rest if word]
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > len(NAMED) and find(group, version, rest[2]):
        namespace, rest = rest[1], rest[2:]
    resource = find(group, version, rest[0]) if rest else None
    if resource is None:
        return UNKNOWN_RESOURCE.answer if rest and is_built_in(group, version) else PAGE_NOT_FOUND
    name, subresource = [*rest[1:], "", ""][:2]
    if resource.namespaced != bool(namespace) and (name or namespace):
        return PAGE_NOT_FOUND
    if subresource and subresource not in resource.subresources:
        if subresource != "status" or resource is NAMESPACES:
            raise unmodeled(f"{resource.plural}/{subresource}")
        return UNKNOWN_RESOURCE.answer
    return Place(resource, namespace, name, subresource)


def body_of(request: Request, resource: Resource) -> Body:
    """The object of the request; refused where it is none."""
    try:
        body = orjson.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): {NO_JSON}")
    if resource.custom and request.method != "DELETE" and not body.get("kind"):
        text = request.body if isinstance(request.body, str) else request.body.decode()
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            f"Object 'Kind' is missing in '{text}' ({text})"
        )
    return body


def patch_of(request: Request, resource: Resource) -> Body:
    """The merge patch of the request; refused where it is none."""
    if request.content_type.partition(";")[0] != MERGE_PATCH:
        if request.content_type in OTHER_PATCHES:
            raise unmodeled(f"patches of the type {request.content_type}")
        raise _unsupported(resource)
    try:
        body = orjson.loads(request.body)
    except ValueError as error:
        raise bad_request("invalid JSON patch") from error
    if not isinstance(body, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    return body


def _unsupported(resource: Resource) -> Refusal:
    if not resource.custom:
        return Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    return Refusal(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )
