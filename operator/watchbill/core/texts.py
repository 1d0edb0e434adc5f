"""The sentences that a person who is paged reads.

What people wrote is made harmless here: no control character reaches a pager, a log or a terminal.
"""

import unicodedata

from watchbill.core.effects import AcknowledgePage, IncidentFacts, PageEffect, ResolvePage, SendPage

MARK = "…"
"""What stands where something was cut off."""

SERVICES_SHOWN = 10
SUMMARY_LIMIT = 4096
"""The length of a summary in the schema, in characters."""

_SPACES = frozenset("\t\n\v\f\r\u0085\u2028\u2029")
# Embeddings, overrides and isolates can make a line read as what it is not; right-to-left letters stay.
_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CONTROL_CATEGORIES = frozenset(("Cc", "Cs"))


def neutral(text: str) -> str:
    """The text on one line: line breaks are spaces, other control characters are `\ufffd`."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(_neutral_character(character) for character in text)
    return " ".join(text.split())


def neutral_lines(text: str) -> str:
    """The text with its line breaks, each line neutral, without empty lines at either end."""
    return "\n".join(neutral(line) for line in text.splitlines()).strip("\n")


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` characters; where something is missing it ends in `…`."""
    if len(text) <= limit:
        return text
    return text[: max(0, limit - len(MARK))].rstrip() + MARK


def title_line(effect: PageEffect, limit: int = 256) -> str:
    """The page in one line of at most `limit` characters; only the incident's own title is cut."""
    start = f"{neutral(effect.incident.severity)}{_what_happened(effect)}: "
    if (effect.incident.is_test or effect.incident.is_run) and isinstance(effect, SendPage):
        start = ""  # Its title says all.
    end = _flags(effect)
    return start + cut(neutral(effect.incident.title), limit - len(start) - len(end)) + end


def acknowledge_command(effect: PageEffect) -> str:
    """The one command that acknowledges once YOU is replaced by a user name; empty where there is none.

    It names the page, so that it says something new, and counts, whenever the same person is paged again.
    """
    incident = effect.incident
    if incident.is_test or incident.is_run:
        return ""
    return (
        f"kubectl -n {incident.namespace} patch incident {incident.name} --type=merge "
        f"-p 'spec: {{acknowledgedBy: {{YOU: {{page: {effect.page.id}}}}}}}'"
    )


def how_to_acknowledge(effect: PageEffect) -> str:
    """What to type to take the incident, and what to put in the place of YOU."""
    if effect.incident.is_test:
        return "There is nothing to acknowledge."
    if effect.incident.is_run:
        run = effect.incident
        return f"To look at it: kubectl -n {run.namespace} describe runbookrun {run.name}"
    return (
        "To acknowledge, run this with your user name in the place of YOU "
        f"(`kubectl auth whoami` prints it):\n{acknowledge_command(effect)}"
    )


def warnings(effect: PageEffect) -> tuple[str, ...]:
    """What the reader must know about the page itself: repeated, late, or sent while blind."""
    if not isinstance(effect, SendPage):
        return ()
    found = []
    if effect.repeated:
        found.append("This page is repeated: it may have reached you before.")
    if effect.page.late:
        found.append(f"This page is late by {effect.page.late}: it was due at {_clock(effect)}.")
    if effect.unseen_since:
        found.append(
            f"The API server is unreachable: acknowledgements cannot be seen since {effect.unseen_since} UTC."
        )
    return tuple(found)


def page_text(effect: PageEffect) -> str:
    """The whole page in plain text: what is wrong, where, and how to acknowledge."""
    incident = effect.incident
    lines = [title_line(effect), *warnings(effect), _where(effect)]
    if incident.services:
        lines.append(f"Affected: {services(incident)}.")
    if isinstance(effect, SendPage):
        if incident.summary:
            lines.append(summary(incident))
        lines.append(how_to_acknowledge(effect))
    return "\n".join(lines)


def summary(incident: IncidentFacts) -> str:
    """What the incident says beyond its title, in its lines."""
    return cut(neutral_lines(incident.summary), SUMMARY_LIMIT)


def services(incident: IncidentFacts) -> str:
    """The names of the affected services, the first ten of them where there are more."""
    shown = ", ".join(neutral(name) for name in incident.services[:SERVICES_SHOWN])
    more = len(incident.services) - SERVICES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _where(effect: PageEffect) -> str:
    incident, page = effect.incident, effect.page
    if incident.is_test:
        return f"A test of Connection {incident.name} in namespace {incident.namespace}, page {page.id}."
    if incident.is_run:
        return f"RunbookRun {incident.name} in namespace {incident.namespace}, page {page.id}."
    return (
        f"Incident {incident.name} in namespace {incident.namespace}, "
        f"level {page.level}, round {page.round}, page {page.id}."
    )


def _what_happened(effect: PageEffect) -> str:
    if isinstance(effect, SendPage):
        return ""
    done = "acknowledged" if isinstance(effect, AcknowledgePage) else "resolved"
    return f" {done} by {neutral(effect.by)}" if effect.by else f" {done}"


def _flags(effect: PageEffect) -> str:
    if isinstance(effect, AcknowledgePage | ResolvePage):
        return ""
    found = ["repeated"] if effect.repeated else []
    if effect.page.late:
        found.append(f"late by {effect.page.late}")
    if effect.unseen_since:
        found.append(f"acknowledgements cannot be seen since {effect.unseen_since}")
    return f" ({', '.join(found)})" if found else ""


def _clock(effect: SendPage) -> str:
    return f"{effect.page.due_time:%H:%M} UTC"


def _neutral_character(character: str) -> str:
    if character in _SPACES:
        return " "
    if character in _DIRECTION_CONTROLS:
        return ""
    if unicodedata.category(character) in _CONTROL_CATEGORIES:
        return "\N{REPLACEMENT CHARACTER}"
    return character
