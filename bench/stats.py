"""Numbers out of samples: percentiles, and what several rounds say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, with the least and the greatest of them."""

    median: float
    least: float
    most: float


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that so many percent do not exceed; raises ValueError where there is none."""
    if not samples:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(samples)
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


def spread(rounds: Sequence[float]) -> Spread:
    """What these rounds say together; raises ValueError where there is none."""
    if not rounds:
        raise ValueError("no round was measured")
    return Spread(median(rounds), min(rounds), max(rounds))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours by theirs, round by round: what was measured together is compared."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True) if other > 0])
