"""One change of an object: foretold, made of that version of it alone, and taken back field by field."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Answer, ApiRequest, Planned, Reversal
from watchbill.core.steps.differences import cleaned

Json = dict[str, Any]
_ABSENT = object()


def conditioned(write: ApiRequest, version: str) -> ApiRequest:
    """The write, which the API server answers with a conflict for another version of the object than this.

    A deletion is left as it is: its own options name the uid of the object that it is for.
    """
    if not version or write.verb == "delete":
        return write
    body = json.loads(write.body)
    if write.content == "json":
        # A `test` that fails is answered with 422, and a stale version with 409.
        fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
        return replace(write, body=json.dumps([fence, *body], sort_keys=True))
    body["metadata"] = {**(body.get("metadata") or {}), "resourceVersion": version}
    return replace(write, body=json.dumps(body, sort_keys=True))


def refused(what: str, answer: Answer) -> Planned:
    """The plan of what the server refuses, in its own words."""
    return Planned(what, denied=answer.message or "no answer", forbidden=answer.result == Result.AUTH)


def field_reversal(write: ApiRequest, before: Json, after: Json) -> Reversal:
    """The reversal that names no more than the fields that changed, in lists too; the server refuses it
    where one of them is another by then.
    """
    old, new = cleaned(before), cleaned(after)
    operations = list(_operations(new, old, ""))
    request = replace(write, body=json.dumps(operations, sort_keys=True), content="json")
    return Reversal(request, json.dumps(_expected(new, old), sort_keys=True))


def _operations(source: Any, target: Any, path: str) -> Iterator[Json]:
    """The RFC 6902 patch that makes the target of the source, where it is the source still."""
    if source == target:
        return
    if isinstance(source, dict) and isinstance(target, dict):
        for key in sorted({*source, *target}):
            below = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from _operations(source.get(key, _ABSENT), target.get(key, _ABSENT), below)
    elif isinstance(source, list) and isinstance(target, list) and len(source) == len(target):
        for at, (one, other) in enumerate(zip(source, target, strict=True)):
            yield from _operations(one, other, f"{path}/{at}")
    elif source is _ABSENT:
        yield {"op": "add", "path": path, "value": target}
    else:
        yield {"op": "test", "path": path, "value": source}
        yield {"op": "remove", "path": path} if target is _ABSENT else _replaced(path, target)


def _replaced(path: str, value: Any) -> Json:
    return {"op": "replace", "path": path, "value": value}


def _expected(source: Any, target: Any) -> Any:
    """What of the source is not as the target has it, for `is_still`: an item of a list by its index."""
    if isinstance(source, dict) and isinstance(target, dict):
        keys = sorted(
            key for key in {*source, *target} if source.get(key, _ABSENT) != target.get(key, _ABSENT)
        )
        return {key: _expected(source.get(key), target.get(key)) for key in keys}
    if isinstance(source, list) and isinstance(target, list) and len(source) == len(target):
        pairs = enumerate(zip(source, target, strict=True))
        return {str(at): _expected(one, other) for at, (one, other) in pairs if one != other}
    return source
