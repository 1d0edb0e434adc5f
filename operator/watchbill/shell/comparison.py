"""What the API server says of a kind, to be compared with what the watch has told."""

from collections.abc import Iterable
from typing import NamedTuple

from watchbill.shell.cache import ObjectKey, key_of, version_of
from watchbill.shell.kube import ERRORS, Body, Kube, Refused
from watchbill.shell.paths import path_of

NEWS_SECONDS = 1
"""For how long the server tells of changes while they happen; those before that it tells at once."""


class Found(NamedTuple):
    """What the API server says of one object."""

    version: int
    """At which version it was so."""
    exists: bool


class Comparison(NamedTuple):
    """What the API server says of a kind."""

    found: dict[ObjectKey, Found]
    """Objects that are not here stand as they did at the last comparison."""
    until: str
    """Up to which version that is so."""


async def news(kube: Kube, kind: str, place: str, since: str) -> Comparison:
    """What has changed in a namespace, or in all, since that version, deletions among it.

    It is one request, however many objects there are.
    Raises Refused with GONE where the server does not remember that version.
    """
    found: dict[ObjectKey, Found] = {}
    until = since

    def take(event: Body) -> None:
        nonlocal until
        type_, told = event["type"], event["object"]
        if type_ == "ERROR":
            status = int(told.get("code", 0))
            raise ERRORS.get(status, Refused)(status, told.get("reason", ""), told.get("message", ""))
        until = told["metadata"]["resourceVersion"]
        found[key_of(kind, told)] = Found(int(until), type_ != "DELETED")

    params = {"resourceVersion": since, "timeoutSeconds": str(NEWS_SECONDS)}
    await kube.watch(path_of(kind, place), params, take)
    return Comparison(found, until)


async def whole(kube: Kube, kind: str, place: str, known: Iterable[ObjectKey]) -> Comparison:
    """Every object of a namespace, or of all, read page by page, and which of the known are there no more."""
    found: dict[ObjectKey, Found] = {}
    until = ""
    async for page in kube.pages(path_of(kind, place), metadata_only=True):
        found |= {key_of(kind, raw): Found(version_of(raw).resource_version, True) for raw in page.items}
        until = page.resource_version
    gone = Found(int(until or 0), False)
    return Comparison({key: gone for key in known if place in ("", key.namespace)} | found, until)
