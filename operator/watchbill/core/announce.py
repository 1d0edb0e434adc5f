"""What is said in an incident's channel: the declaration first, then each transition, once."""

from watchbill.api.incident_status import IncidentStatus, TimelineEntry
from watchbill.core.draft import Draft
from watchbill.core.facts import incident_facts
from watchbill.core.texts import cut, neutral, services, summary

TOLD = frozenset(
    {
        "Declared",
        "Acknowledged",
        "AcknowledgementExpired",
        "AcknowledgementWithdrawn",
        "Cancelled",
        "Closed",
        "DebtExpired",
        "EscalationExhausted",
        "Mitigated",
        "Open",
        "Resolved",
        "Role",
        "SeverityChanged",
    }
)
"""The kinds of timeline entries that are told: the transitions, who commands, the severity,
and what is to be taken back."""

TOPIC_LENGTH = 250
"""The longest topic in characters: https://docs.slack.dev/reference/methods/conversations.setTopic"""


def due(status: IncidentStatus) -> int:
    """How many of the timeline's entries, from the first on, there are up to the last one to tell."""
    told = (at for at, entry in _numbered(status) if entry.kind in TOLD)
    return max(told, default=0)


def message(draft: Draft, posted: int, posting: int) -> str:
    """What a post says that tells of the entries after `posted` up to `posting`; the first one declares."""
    entries = [entry for at, entry in _numbered(draft.status) if posted < at <= posting]
    lines = [_line(entry) for entry in entries if entry.kind in TOLD and entry.kind != "Declared"]
    text = "\n".join([*([declaration(draft)] if posted == 0 else []), *lines])
    return text or "More happened than the timeline keeps; the operator's log has it."


def declaration(draft: Draft) -> str:
    """What is wrong, where, who says so, and how to take it."""
    facts = incident_facts(draft.observation.incident, draft.status)
    author = (draft.spec.set_by.declaration if draft.spec.set_by else None) or ""
    by = f", declared by {neutral(author)}" if author else ""
    lines = [
        f"{neutral(facts.severity)}: {neutral(facts.title)}",
        f"Incident {facts.name} in namespace {facts.namespace}{by}.",
        f"Affected: {services(facts)}." if facts.services else "",
        summary(facts),
        f"Look: kubectl -n {facts.namespace} get incident {facts.name}",
        f"Take it: kubectl -n {facts.namespace} patch incident {facts.name} --type=merge "
        "-p 'spec: {acknowledgedBy: {YOU: {}}}'",
    ]
    return "\n".join(line for line in lines if line)


def topic(draft: Draft) -> str:
    """The channel's topic in one line: severity, title and where the incident is found."""
    metadata = draft.observation.incident.metadata
    start, end = f"{neutral(draft.spec.severity)} | ", f" | {metadata.namespace}/{metadata.name}"
    return start + cut(neutral(draft.spec.title), TOPIC_LENGTH - len(start) - len(end)) + end


def _numbered(status: IncidentStatus) -> enumerate[TimelineEntry]:
    """The entries that are kept, each with its number; the very first of the incident had 1."""
    return enumerate(status.timeline, start=status.timeline_dropped + 1)


def _line(entry: TimelineEntry) -> str:
    return f"{entry.time:%H:%M} UTC: {entry.text}"
