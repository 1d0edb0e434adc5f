"""What a bench found: rows of numbers, each with its bar."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bench.stats import Spread, ratios, spread

OURS, BARE, NAIVE, ALERTMANAGER = "watchbill", "bare loop", "naive kopf", "Alertmanager"
"""How the systems are called wherever they are shown."""


@dataclass(frozen=True)
class Bar:
    """A limit that a row is held against: its value, or its ratio to the bare loop."""

    limit: float
    of: Literal["value", "ratio"] = "value"

    def reached_by(self, row: "Row", slack: float = 1.0) -> bool:
        """Whether the row's median keeps the limit, times a slack; False where there is no such number."""
        number = row.ratio if self.of == "ratio" else row.values.get(OURS)
        return number is not None and number.median <= self.limit * slack


@dataclass(frozen=True)
class Row:
    """One quantity: of every system that was measured, and of ours by the bare loop's."""

    what: str
    unit: str
    values: Mapping[str, Spread]
    ratio: Spread | None = None
    bar: Bar | None = None
    moonshot: Bar | None = None
    slack: float | None = None
    """By how much of the bar the run fails, where it is a count; None for times, which are reported."""

    @property
    def fails(self) -> bool:
        """Whether a run that finds this must not pass."""
        return self.bar is not None and self.slack is not None and not self.bar.reached_by(self, self.slack)


@dataclass(frozen=True)
class Result:
    """One bench, as it is reported."""

    name: str
    title: str
    how: str
    """How it was measured, in a few sentences."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> list[Row]:
        """The rows that must not pass."""
        return [row for row in self.rows if row.fails]


@dataclass(frozen=True)
class Limits:
    """What a row is held against."""

    bar: Bar | None = None
    moonshot: Bar | None = None
    slack: float | None = None


NO_LIMITS = Limits()


@dataclass
class Rounds:
    """What several rounds measured, by quantity and system."""

    found: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, what: str, system: str, value: float) -> None:
        """Take one round's number."""
        self.found.setdefault(what, {}).setdefault(system, []).append(value)

    def row(self, what: str, unit: str, limits: Limits = NO_LIMITS) -> Row:
        """The row of a quantity; its ratio is to the bare loop where that was measured in the same rounds."""
        systems = self.found[what]
        ours, bare = systems.get(OURS, []), systems.get(BARE, [])
        ratio = ratios(ours, bare) if ours and len(ours) == len(bare) and all(bare) else None
        values = {system: spread(rounds) for system, rounds in systems.items()}
        return Row(what, unit, values, ratio, limits.bar, limits.moonshot, limits.slack)


def count(what: str, value: float, limit: float | None = 0, unit: str = "") -> Row:
    """The row of a number that must be right: at most `limit`, which is its bar and its moonshot."""
    bar = None if limit is None else Bar(limit)
    return Row(what, unit, {OURS: spread([value])}, bar=bar, moonshot=bar, slack=1.0)


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The results as they are written to the file that machines read."""
    return [asdict(result) for result in results]
