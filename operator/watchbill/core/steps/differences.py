"""What one object has that another has not: shown to people, and made into its own reversal."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from watchbill.core.secret_forms import SHORTEST_SECRET, without

MASK = "***"
SERVERS_OWN = frozenset(
    {"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp", "selfLink"}
)
"""The fields of metadata that the API server keeps by itself."""
SECRET_FIELDS = ("data", "stringData")
LONGEST_VALUE = 160

Json = dict[str, Any]
_ABSENT, _MASKED = object(), object()


def cleaned(thing: Json | None) -> Json:
    """The object without its status and what the server keeps by itself; empty for none."""
    found = {key: value for key, value in (thing or {}).items() if key != "status"}
    if isinstance(found.get("metadata"), dict):
        found["metadata"] = {k: v for k, v in found["metadata"].items() if k not in SERVERS_OWN}
    return found


def differences(before: Json | None, after: Json | None, hidden: Iterable[str] = ()) -> tuple[str, ...]:
    """What changes, as `spec.replicas: 2 -> 5`, a field a line, in order.

    Values of Secrets are masked, and so is what is hidden, before a long value is cut.
    """
    kinds = {(each or {}).get("kind") for each in (before, after)}
    masked = SECRET_FIELDS if "Secret" in kinds else ()
    hidden = [each for each in hidden if len(each) >= SHORTEST_SECRET]
    lines = _lines(cleaned(before), cleaned(after), "", masked)
    return tuple(f"{path}: {_shown(old, hidden)} -> {_shown(new, hidden)}" for path, old, new in lines)


def _lines(
    before: Any, after: Any, path: str, masked: tuple[str, ...]
) -> Iterator[tuple[str, object, object]]:
    """The path of each value that changes, the old one and the new one."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            below = f"{path}.{key}" if path else str(key)
            yield from _lines(before.get(key, _ABSENT), after.get(key, _ABSENT), below, masked)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lines(one, other, f"{path}[{index}]", masked)
    elif path.partition(".")[0] in masked:
        yield path, _MASKED, _MASKED
    else:
        yield path, before, after


def _shown(value: object, hidden: Iterable[str]) -> str:
    if value is _ABSENT or value is _MASKED:
        return "absent" if value is _ABSENT else MASK
    text = without(json.dumps(value, ensure_ascii=True, sort_keys=True), hidden, MASK)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def merge_patch(source: Json, target: Json) -> Json:
    """The RFC 7386 merge patch that makes the target of the source."""
    patch: Json = {key: None for key in source.keys() - target.keys()}
    for key, value in target.items():
        old = source.get(key, _ABSENT)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := merge_patch(old, value):
                patch[key] = inner
        elif old != value:
            patch[key] = value
    return dict(sorted(patch.items()))


def is_still(expected: Any, actual: Any) -> bool:
    """Whether all that a patch set is as it set it; null says that the field is absent.

    An item of a list can be expected by its index.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(
            (key not in actual) if value is None else key in actual and is_still(value, actual[key])
            for key, value in expected.items()
        )
    if isinstance(expected, dict) and isinstance(actual, list):
        return all(
            int(at) < len(actual) and is_still(value, actual[int(at)]) for at, value in expected.items()
        )
    return bool(expected == actual)
