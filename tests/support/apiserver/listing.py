"""Lists: in pages, of the present or of a moment that is still known, or of metadata alone."""

import base64
import json
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.apiserver.answers import bad_request, expired, unmodeled
from tests.support.apiserver.resources import Body, Resource
from tests.support.apiserver.selecting import by_fields, by_labels
from tests.support.apiserver.store import Store

TOKEN_VERSION = "meta.k8s.io/v1"
PRESENT = -1
"""The version in a token that continues with the present instead of the moment of the first page."""

OLD_TOKEN = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
    "that were created, modified, or deleted between the time the first chunk was returned and now may show "
    "up in the list."
)
MATCHES = ("", "Exact", "NotOlderThan")
OF_VERSION = 'invalid resource version: resourceVersion: Invalid value: "{}": strconv.ParseUint: '

OLD_LIST = "The resourceVersion for the provided list is too old."


class Token(NamedTuple):
    """Where a page ended, and of which moment it was."""

    version: int
    start: str

    def encoded(self) -> str:
        """The token as the real server writes it."""
        text = json.dumps(
            {"v": TOKEN_VERSION, "rv": self.version, "start": self.start}, separators=(",", ":")
        )
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decoded(text: str) -> Token:
    """The token of this text; refused where it is none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Token(int(found["rv"]), str(found["start"]))
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error


def listed(store: Store, resource: Resource, namespace: str, query: Mapping[str, str], partial: bool) -> Body:
    """One page of a list, as the query asks for it."""
    selectors = query.get("fieldSelector", ""), query.get("labelSelector", "")
    fits = by_fields(resource, selectors[0]), by_labels(selectors[1])
    limit, version, start = _wanted(store, query)
    prefix = f"{namespace}/" if namespace else ""
    # Where a token starts is relative to what is listed.
    after = prefix + start.lstrip("/").rstrip("\0") if start else ""
    found = [body for key, body in store.all(resource, prefix, version) if key > after]
    found = [body for body in found if all(fit(body) for fit in fits)]
    metadata: Body = {"resourceVersion": str(version)}
    if limit and len(found) > limit:
        last = found[limit - 1]["metadata"]
        key = resource.key(last.get("namespace", ""), last["name"]).removeprefix(prefix)
        metadata["continue"] = Token(version, f"/{key}\0").encoded()
        if not any(selectors):
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    return _body(resource, found, metadata, partial)


def _wanted(store: Store, query: Mapping[str, str]) -> tuple[int, int, str]:
    """How many are wanted at most (0 for all), of which moment, and after which key."""
    limit, start = _number(query, "limit", "strconv.ParseInt: "), ""
    asked, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    if text := query.get("continue"):
        token = decoded(text)
        if asked not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        version, start = token.version, token.start
        if version == PRESENT:
            version = store.version
        if version < store.compacted:
            raise expired(OLD_TOKEN, Token(PRESENT, start.lstrip("/")).encoded())
    elif match not in MATCHES or (match and asked in ("", "0")):
        raise unmodeled(f"lists of {match} a version")
    elif asked == "0":
        # It is answered from a cache, which does not cut.
        limit, version = 0, store.version
    else:
        version = _number(query, "resourceVersion", OF_VERSION) if asked else store.version
        if match == "Exact" or (limit and asked and not match):
            if version < store.compacted:
                raise expired(OLD_LIST)
        else:
            version = max(version, store.version)
    if version > store.version:
        raise unmodeled("lists of the future")
    return max(limit, 0), version, start


def _number(query: Mapping[str, str], name: str, how: str) -> int:
    text = query.get(name, "0")
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f'{how.format(text)}parsing "{text}": invalid syntax') from error


def _body(resource: Resource, found: list[Body], metadata: Body, partial: bool) -> Body:
    if partial:
        items = [of_metadata(each) for each in found]
        kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return {**kind, "metadata": metadata, "items": items or None}
    kind = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    if resource.custom:
        return {**kind, "metadata": {"continue": "", **metadata}, "items": found}
    plain = [{key: value for key, value in each.items() if key not in kind} for each in found]
    return {**kind, "metadata": metadata, "items": plain}


def of_metadata(body: Body) -> Body:
    """The object as it is told to who asks for metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body["metadata"]}
