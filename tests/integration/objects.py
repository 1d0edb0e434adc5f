"""Objects that a test makes and reads as the administrator, by plain requests."""

from typing import Any

from dev.client import Answer
from tests.integration.rule_cases import Object, manifest
from tests.support.people import DRY_RUN, Person
from watchbill.api.kinds import KINDS

PLURAL_OF = {kind.name: kind.plural for kind in KINDS}


def judged(admin: Person, document: Object) -> Answer:
    """What the server says to a strict dry run of creating the object."""
    return admin.ask("POST", f"{admin.path(PLURAL_OF[document['kind']])}?{DRY_RUN}", document)


def create(admin: Person, document: Object) -> None:
    """The object, created in the namespace."""
    made = admin.ask("POST", admin.path(PLURAL_OF[document["kind"]]), document)
    assert made.succeeded, made.message


def declare(admin: Person, **status: Any) -> None:
    """An incident `example`, with this status as the operator would have written it."""
    create(admin, manifest("Incident", {}))
    write_status(admin, status)


def write_status(admin: Person, status: dict[str, Any]) -> None:
    """The incident `example` with this merged into its status, which must be accepted."""
    written = admin.patch("incidents", "example", status, subresource="status")
    assert written.succeeded, written.message


def read(admin: Person, kind: str = "Incident", name: str = "example") -> Object:
    """The object as it is stored."""
    found = admin.ask("GET", admin.path(PLURAL_OF[kind], name))
    assert found.succeeded, found.message
    return found.body
