"""The reference of fields, one page for each kind, made from the schema that the API server is given."""

import json
from collections.abc import Iterator
from itertools import chain

from dev.field_types import bounds, type_of
from dev.reference import table
from watchbill.api.crd import crd
from watchbill.api.group import API_VERSION
from watchbill.api.kinds import Kind
from watchbill.api.structural import RULES, Schema

FOLDER = "docs/reference/fields"

INTRODUCTION = """<!-- Made by `make generate` from operator/watchbill/api; edit the models instead. -->

# {name}

{description}

`apiVersion: {version}`, {scope}; `kubectl get {names}`.
`[]` stands for each item of a list, `<key>` for each key of a map. What is required is so within its parent.
"""

HEADINGS = {
    "spec": "What people and Git write.",
    "status": "What the operator writes. Newer versions may write more.",
}

Row = tuple[str, str, str, str, str]


def path_of(kind: Kind) -> str:
    """Where the page of a kind is, below the root of the checkout."""
    return f"{FOLDER}/{kind.singular}.md"


def fields_page(kind: Kind) -> str:
    """The page of one kind: each field of spec and status in the order of the models, then the CEL rules."""
    (version,) = crd(kind)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    parts = [
        f"## {part}\n\n{says}\n\n" + table(("field", "type", "bounds", "default", "what it says"), rows)
        for part, says in HEADINGS.items()
        if (rows := list(_fields(schema["properties"][part], "", {})))
    ]
    found = list(_rules(schema, ""))
    if found:
        says = "What the API server refuses, beside what is out of bounds."
        parts.append(f"## Rules\n\n{says}\n\n" + table(("at", "rule"), _joined(found)))
    return "\n".join([_introduction(kind), *parts])


def _introduction(kind: Kind) -> str:
    scope = "of a namespace" if kind.scope == "Namespaced" else "of the whole cluster"
    names = ", ".join((kind.plural, *kind.short_names))
    return INTRODUCTION.format(
        name=kind.name,
        description=kind.description,
        version=API_VERSION,
        scope=scope,
        names="` or `".join(names.split(", ")),
    )


def _fields(schema: Schema, path: str, shown: dict[str, str]) -> Iterator[Row]:
    """The rows of what is in a schema; what was `shown` before, by its content, is told by its first path."""
    required = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        field = f"{path}{name}"
        inner, mark = _inner(child)
        content = json.dumps([{**inner, "description": ""}, mark])
        before = shown.get(content) if inner.get("properties") else None
        says = _cell(child.get("description", ""))
        if before:
            says = f"{says} Its fields are those of `{before}`."
        default = "required" if name in required else _default(child)
        yield f"`{field}`", type_of(child), _cell(bounds(child)), default, says
        if before is None:
            shown[content] = f"{field}{mark}"
            yield from _fields(inner, f"{field}{mark}.", shown)


def _inner(schema: Schema) -> tuple[Schema, str]:
    """What holds a field's own fields, however deep in lists and maps, and the mark on the way to it."""
    for keyword, mark in (("items", "[]"), ("additionalProperties", ".<key>")):
        if isinstance(schema.get(keyword), dict):
            inner, more = _inner(schema[keyword])
            return inner, mark + more
    return schema, ""


def _default(schema: Schema) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def _rules(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """Each rule of a schema and of what is in it: where it stands, and its message."""
    for rule in schema.get(RULES, ()):
        # The bounds of a duration stand in its row.
        if "must be a duration from" not in rule["message"]:
            yield _place(path, rule), _cell(rule["message"])
    yield from chain.from_iterable(
        _rules(child, f"{path}.{name}") for name, child in schema.get("properties", {}).items()
    )
    for keyword, mark in (("items", "[]"), ("additionalProperties", ".<key>")):
        if isinstance(schema.get(keyword), dict):
            yield from _rules(schema[keyword], path + mark)


def _place(path: str, rule: Schema) -> str:
    return f"`{(path + rule.get('fieldPath', '')).lstrip('.')}`"


def _joined(found: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """One row for each message, with every place that it holds at."""
    places: dict[str, list[str]] = {}
    for place, message in found:
        places.setdefault(message, []).append(place)
    return ((", ".join(dict.fromkeys(each)), message) for message, each in places.items())


def _cell(text: str) -> str:
    """The text as a table takes it: a bar would end the cell, also within code."""
    return text.replace("|", "\\|")
