"""What of an incident is told with a page, and decides nothing about it."""

from watchbill.api.incident import IncidentSpec

PROSE = frozenset({"title", "summary", "affected"})
"""People correct these while pages are on their way; a page that leaves meanwhile says what was so."""


def says_the_same(one: IncidentSpec, other: IncidentSpec) -> bool:
    """Whether two versions of an incident ask for the same pages."""
    fields = IncidentSpec.model_fields.keys() - PROSE
    return all(getattr(one, name) == getattr(other, name) for name in fields)
