"""The parts of the documentation that are made from the sources: the lifecycle, conditions and reasons."""

import re
from collections.abc import Iterable, Iterator

from dev.layout import REPOSITORY
from watchbill.api.reasons import REASONS, EventReason, Explained, IncidentCondition
from watchbill.core.lifecycle import FACTS, TRANSITIONS, mermaid

LIFECYCLE = "docs/explanation/lifecycle.md"

CONDITIONS = "docs/reference/conditions.md"

BLOCK = "<!-- {name}: made by `make generate` -->\n"

END = "<!-- end -->\n"


def lifecycle_page() -> str:
    """The page about the lifecycle as it lies in the checkout, with what is made in it made anew."""
    text = (REPOSITORY / LIFECYCLE).read_text(encoding="utf-8")
    for name, made in (
        ("diagram", f"\n```mermaid\n{mermaid()}```\n\n"),
        ("transitions", f"\n{transitions()}\n"),
        ("facts", f"\n{facts()}\n"),
    ):
        text = filled(text, name, made)
    return text


def filled(text: str, name: str, made: str) -> str:
    """The text with what stands between the marks of this name replaced; ValueError where it has none."""
    start = BLOCK.format(name=name)
    found = re.compile(f"{re.escape(start)}.*?{re.escape(END)}", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise ValueError(f"the page must have one block {name!r}")
    return found.sub(lambda _: f"{start}{made}{END}", text)


def transitions() -> str:
    """The legal moves, one row each."""
    rows = ((row.number, ", ".join(row.sources), row.trigger, row.target) for row in TRANSITIONS)
    return table(("", "from", "when", "to"), rows)


def facts() -> str:
    """Which conditions each phase sets."""
    rows = (
        (phase, ", ".join(f"`{type_}` {held}" for type_, held in conditions.items()))
        for phase, conditions in FACTS.items()
    )
    return table(("phase", "conditions"), rows)


def conditions_page() -> str:
    """The reference of condition types, their reasons, and the reasons of Events."""
    return "\n".join(_conditions())


def _conditions() -> Iterator[str]:
    yield "<!-- Made by `make generate` from operator/watchbill/api/reasons.py; edit that instead. -->\n"
    yield "# Conditions and Events\n"
    yield "Wait for a condition with `kubectl wait --for=condition=Acknowledged incident/NAME`.\n"
    yield "## Conditions of an Incident\n"
    yield "All are present after the first reconcile.\n"
    yield _explained("condition", IncidentCondition)
    yield "## Reasons\n"
    for type_, reasons in REASONS.items():
        yield f"### {type_}\n"
        yield _explained("reason", reasons)
    yield "## Events\n"
    yield _explained("reason", EventReason)


def _explained(heading: str, members: Iterable[Explained]) -> str:
    return table((heading, "meaning"), ((f"`{member}`", member.sentence) for member in members))


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; no cell may hold a bar."""
    cells = [tuple(heading), *map(tuple, rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|---" * len(cells[0]) + "|", *lines[1:]]) + "\n"
