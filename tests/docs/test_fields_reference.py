"""The pages on fields tell every field of every kind, in words that say what the API server takes."""

from collections.abc import Iterator
from typing import Any

import pytest

from dev.field_types import bounds, type_of
from dev.fields_reference import fields_page, path_of
from dev.layout import REPOSITORY
from watchbill.api.crd import crd
from watchbill.api.durations import DURATION_PATTERN
from watchbill.api.kinds import KINDS, Kind

NAME = {"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
FIVE = {
    "x-kubernetes-validations": [
        {"rule": "…", "message": "`x` must be a duration from 1s to 24h, such as 5m or 1h30m"}
    ]
}

FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a name": (NAME, "string", "1 to 63 characters; RFC 1123 label"),
    "a text": ({"type": "string", "maxLength": 200}, "string", "at most 200 characters"),
    "a pattern": (
        {"type": "string", "maxLength": 1, "pattern": "^a$"},
        "string",
        "at most 1 character; `^a$`",
    ),
    "a duration": ({"type": "string", "pattern": DURATION_PATTERN, **FIVE}, "duration", "1s to 24h"),
    "a moment": ({"type": "string", "format": "date-time", "maxLength": 35}, "time", ""),
    "a number": ({"type": "integer", "minimum": 0, "maximum": 9}, "integer", "0 to 9"),
    "a choice": ({"type": "string", "enum": ["A", "B"]}, "string", "`A` or `B`"),
    "names": (
        {"type": "array", "maxItems": 5, "items": NAME},
        "list of strings",
        "at most 5 items; each 1 to 63 characters; RFC 1123 label",
    ),
    "objects": (
        {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "object", "properties": {}}},
        "list of objects",
        "1 to 3 items",
    ),
    "a map": (
        {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string", "maxLength": 9}},
        "map of strings",
        "at most 2 keys; each at most 9 characters",
    ),
    "a part": ({"type": "object", "properties": {"name": NAME}}, "object", ""),
    "yes or no": ({"type": "boolean"}, "boolean", ""),
}


@pytest.mark.parametrize(("schema", "type_", "says"), FIELDS.values(), ids=FIELDS)
def test_a_field_has_its_type_and_its_bounds_in_words(schema: dict[str, Any], type_: str, says: str):
    assert (type_of(schema), bounds(schema)) == (type_, says)


def said(schema: dict[str, Any]) -> Iterator[str]:
    """What a schema says of each of its fields and rules, however deep."""
    for child in schema.get("properties", {}).values():
        yield from [child["description"]] if "description" in child else []
        yield from said(child)
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from said(schema[keyword])
    for rule in schema.get("x-kubernetes-validations", ()):
        if "must be a duration from" not in rule["message"]:
            yield rule["message"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_page_of_a_kind_tells_of_every_field_and_every_rule(kind: Kind):
    (version,) = crd(kind)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    parts = {"spec", "status", "x-kubernetes-validations"}
    inner = {name: schema["properties"][name]["properties"] for name in parts & schema["properties"].keys()}
    page = fields_page(kind)
    for properties in inner.values():
        assert [
            text for text in said({"properties": properties}) if text.replace("|", "\\|") not in page
        ] == []
    assert [
        each["message"] for each in schema.get("x-kubernetes-validations", ()) if each["message"] not in page
    ] == []
    rows = [line.replace("\\|", "") for line in page.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {3, 6}, "a cell with a bar breaks the table"


def test_the_contents_name_the_page_of_every_kind():
    contents = (REPOSITORY / "docs/README.md").read_text(encoding="utf-8")
    assert [kind.name for kind in KINDS if f"({path_of(kind).removeprefix('docs/')})" not in contents] == []
