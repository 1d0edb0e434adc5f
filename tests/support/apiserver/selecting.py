"""Selectors of fields and of labels, as lists of custom resources take them."""

import re
from collections.abc import Callable

from tests.support.apiserver.answers import bad_request
from tests.support.apiserver.resources import Body, Resource

OF_METADATA = ("metadata.name", "metadata.namespace")

_TERM = re.compile(r"^([^=!]+)(!=|==?)([^=!,]*)$")


Fits = Callable[[Body], bool]
"""Whether an object is selected."""


def by_fields(resource: Resource, text: str) -> Fits:
    """What fits each term of the selector; one that the server does not take is refused."""
    terms = [_term(each) for each in text.split(",") if each]
    for field, _, _ in terms:
        if field not in (*OF_METADATA, *resource.selectable):
            raise bad_request(f"field label not supported: {field}")
    return lambda body: all((value_of(body, field) == value) == equal for field, equal, value in terms)


def by_labels(text: str) -> Fits:
    """What fits each term, of which only those with an equals sign are modeled."""
    terms = [_term(each) for each in text.split(",") if each]

    def fits(body: Body) -> bool:
        labels = body["metadata"].get("labels") or {}
        return all((labels.get(label) == value) == equal for label, equal, value in terms)

    return fits


def value_of(body: Body, field: str) -> str:
    """The text at a path of names; the empty text where nothing is there."""
    found: object = body
    for name in field.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return "" if found is None else str(found)


def _term(text: str) -> tuple[str, bool, str]:
    found = _TERM.match(text)
    if found is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{text}'")
    name, how, value = found.groups()
    return name, how != "!=", value
