"""The name of an incident's chat channel, made from the template that its severity gives."""

import re
import unicodedata
from dataclasses import dataclass, fields
from datetime import UTC

from pydantic.alias_generators import to_camel

from watchbill.api.incident import Incident
from watchbill.api.incident_class import ChannelTemplate

DEFAULT_TEMPLATE: str = ChannelTemplate.model_fields["name_template"].default
"""What a class says that gives no template of its own; its result begins with `inc`."""

NAME_LENGTH = 80
"""The longest name that Slack takes (https://api.slack.com/methods/conversations.create), in characters."""


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a channel's name may be made of."""

    name: str
    namespace: str
    created_date: str
    """YYYYMMDD in UTC."""
    severity: str
    title: str

    @property
    def variables(self) -> dict[str, str]:
        """The facts by the names that a template knows them by, as fields of `incident`."""
        return {to_camel(each.name): getattr(self, each.name) for each in fields(self)}


FIELDS = tuple(sorted(to_camel(each.name) for each in fields(NameFacts)))
"""The fields of `incident` in a template."""


def name_facts(incident: Incident) -> NameFacts:
    """The facts of an incident; its severity is the one that people declared or set last."""
    metadata = incident.metadata
    created = metadata.creation_timestamp
    return NameFacts(
        name=metadata.name,
        namespace=metadata.namespace or "",
        created_date=created.astimezone(UTC).strftime("%Y%m%d") if created else "",
        severity=incident.spec.severity,
        title=incident.spec.title,
    )


def channel_name(template: str, facts: NameFacts, limit: int = NAME_LENGTH) -> str:
    """The channel's name in at most `limit` characters, of which it has one at least.

    It begins and ends with a lower-case ASCII letter or digit; `-` and `_` may stand between. A template that
    is no good, or that leaves nothing, gives way to the default one.
    """
    from watchbill.core import templates  # noqa: PLC0415 - only who names channels needs jinja2

    text = "" if templates.template_problem(template) else templates.rendered(template, facts.variables)
    return _plain(text, limit) or _plain(templates.rendered(DEFAULT_TEMPLATE, facts.variables), limit)


def with_suffix(name: str, uid: str, limit: int = NAME_LENGTH) -> str:
    """The name for when somebody else has taken it: with the first 4 characters of the incident's UID."""
    return f"{_cut(name, limit - 5)}-{uid[:4]}"


def _plain(text: str, limit: int) -> str:
    """The text in the characters that every chat takes; empty where none of them is left."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    # An accent that was taken off its letter leaves no gap.
    bare = "".join(each for each in letters if not unicodedata.combining(each))
    return _cut(re.sub(r"[^a-z0-9_]+", "-", bare).lstrip("-_"), limit)


def _cut(name: str, limit: int) -> str:
    return name[:limit].rstrip("-_")
