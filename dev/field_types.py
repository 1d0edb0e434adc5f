"""What the type and the bounds of a field are called in the reference."""

import re
from typing import Any

from pydantic import TypeAdapter

from watchbill.api.durations import DURATION_PATTERN
from watchbill.api.model import DnsLabel, KindName, LinkUrl, MailAddress, MailHost, Origin, Url
from watchbill.api.structural import RULES, Schema

BETWEEN = re.compile(r"must be a duration from (\S+) to (\S+?),")


def _pattern(known: Any) -> str:
    return str(TypeAdapter(known).json_schema()["pattern"])


PATTERNS = {
    DURATION_PATTERN: "",
    _pattern(DnsLabel): "RFC 1123 label",
    _pattern(KindName): "RFC 1123 subdomain",
    _pattern(Url): "http or https URL",
    _pattern(LinkUrl): "http or https URL in ASCII",
    _pattern(Origin): "http or https URL without query",
    _pattern(MailAddress): "mail address",
    _pattern(MailHost): "host name or address",
}
"""What patterns are called that have a name; others are shown as they are."""


def type_of(schema: Schema) -> str:
    """The type of a field: `list of strings`, `map of objects`, `duration`."""
    for keyword, container in (("items", "list"), ("additionalProperties", "map")):
        if isinstance(schema.get(keyword), dict):
            return f"{container} of {type_of(schema[keyword])}s"
    if schema.get("pattern") == DURATION_PATTERN:
        return "duration"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema["type"])


def bounds(schema: Schema) -> str:
    """What a value must keep within, CEL rules that are no bounds left aside; empty without bounds."""
    return "; ".join(filter(None, [*_own(schema), *_of_each(schema)]))


def _own(schema: Schema) -> list[str]:
    if "enum" in schema:
        return [" or ".join(f"`{value}`" for value in schema["enum"])]
    between = [found for rule in schema.get(RULES, ()) if (found := BETWEEN.search(rule["message"]))]
    if between:
        return [f"{found[1]} to {found[2]}" for found in between]
    if schema.get("pattern") == DURATION_PATTERN or schema.get("format") == "date-time":
        return []
    return [
        _range(schema.get("minLength"), schema.get("maxLength"), "character"),
        _range(schema.get("minimum"), schema.get("maximum"), ""),
        _range(schema.get("minItems"), schema.get("maxItems"), "item"),
        _range(schema.get("minProperties"), schema.get("maxProperties"), "key"),
        _named(schema["pattern"]) if "pattern" in schema else "",
    ]


def _of_each(schema: Schema) -> list[str]:
    """The bounds of each item or value of what holds plain values; objects have rows of their own."""
    for keyword in ("items", "additionalProperties"):
        inner = schema.get(keyword)
        if isinstance(inner, dict) and "properties" not in inner and bounds(inner):
            return [f"each {bounds(inner)}"]
    return []


def _range(low: int | None, high: int | None, unit: str) -> str:
    """`1 to 63 characters`, `at most 5 items`, `3 or more`; empty without a bound."""
    if low is None and high is None:
        return ""
    words = (
        f"{low} to {high}" if low and high else f"at most {high}" if high is not None else f"{low} or more"
    )
    if low == 0 and unit == "":
        words = f"0 to {high}" if high is not None else "0 or more"
    plural = "s" if (high if high is not None else low) != 1 else ""
    return f"{words} {unit}{plural}" if unit else words


def _named(pattern: str) -> str:
    return PATTERNS.get(pattern) or f"`{pattern}`"
