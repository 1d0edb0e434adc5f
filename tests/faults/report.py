"""What campaigns covered and found, for people and as JSON."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.campaign import Campaign, Outcome
from tests.faults.catalog import CATALOG, LEAVING
from tests.faults.hunt import Catch
from tests.faults.plans import Placed, is_crash

ROOT = Path(__file__).resolve().parents[2]
JSON = ROOT / ".dev" / "faults.json"

Facts = dict[str, Any]

UNREACHED = 0.1
"""What share of plans may come to nothing: with real processes not every answer is asked for."""

COUNTED = {"lost": "O2", "duplicate": "O3", "ghost": "O4", "early": "O9"}


def facts(campaign: Campaign, catches: Sequence[Catch]) -> Facts:
    """All numbers of a campaign."""
    crashes = sorted(outcome.lateness for outcome in campaign.outcomes if _is_crashed(outcome))
    kinds = Counter(finding.partition(" ")[0] for each in campaign.findings for finding in each.findings)
    plans = {str(outcome.plan): outcome for outcome in campaign.outcomes}
    return {
        "plans": sum(map(happened, plans.values())),
        "not reached": sorted(text for text, outcome in plans.items() if not happened(outcome)),
        "scenarios": len(campaign.learned),
        "seconds": round(campaign.seconds, 1),
        "crossings": sum(len(crossings) for crossings in campaign.learned.values()),
        "covered": coverage(campaign),
        "by group": dict(Counter(_group(outcome) for outcome in plans.values() if outcome.plan.placed)),
        "recovery in seconds": {f"p{percent}": _percentile(crashes, percent) for percent in (50, 99, 100)},
        **{name: kinds[oracle] for name, oracle in COUNTED.items()},
        "mutants": {each.mutant: {"oracle": each.oracle, "plan": each.plan} for each in catches},
        "missed": [each.mutant for each in catches if not each.oracle],
        "findings": {str(outcome.plan): outcome.findings for outcome in campaign.findings},
    }


def happened(outcome: Outcome) -> bool:
    """Whether all faults of a plan did; one in an answer that was not asked for did not."""
    return outcome.happened >= len(outcome.plan.placed)


def coverage(campaign: Campaign) -> dict[str, str]:
    """Of the crossings that leave a process, how many were crashed at: before, after, and in recovery."""
    numbers: dict[tuple[str, str], int] = {}
    for variant, crossings in campaign.learned.items():
        for crossing in crossings:
            if crossing.kind in LEAVING:
                numbers |= {(variant, at): crossing.number for at in (str(crossing.number), crossing.place)}
    covered: dict[str, set[tuple[str, int]]] = {"before": set(), "after": set(), "in recovery": set()}
    for outcome in filter(_is_crashed, campaign.outcomes):
        placed: tuple[Placed, ...] = outcome.plan.placed
        variant = outcome.plan.variant
        if happened(outcome) and (variant, placed[0].at) in numbers:
            when = "before" if placed[0].fault == "crash-before" else "after"
            where = (variant, numbers[variant, placed[0].at])
            covered["in recovery" if len(placed) > 1 else when].add(where)
    every = len(numbers) // 2
    return {when: f"{len(found)}/{every}" for when, found in covered.items()}


def summary(title: str, found: Facts) -> str:
    """The report of a campaign in a few lines."""
    groups = ", ".join(f"{name} {count}" for name, count in sorted(found["by group"].items()))
    covered = ", ".join(f"{when} {share}" for when, share in found["covered"].items())
    late, missed = found["recovery in seconds"], found["missed"]
    size = f"{found['plans']} plans of {found['scenarios']} scenarios in {found['seconds']} s"
    return "\n".join(
        (
            f"{title}: {size}: {groups}",
            f"  crossings crashed at: {covered}",
            f"  plans whose fault was never reached: {len(found['not reached'])}",
            f"  {counts(found)}, findings {len(found['findings'])}",
            f"  pages after crashes late by p50 {late['p50']} s, p99 {late['p99']} s, max {late['p100']} s",
            f"  mutants found: {len(found['mutants']) - len(missed)}, missed: {missed or 'none'}",
        )
    )


def counts(found: Facts) -> str:
    """Lost, duplicate, ghost and early pages."""
    return ", ".join(f"{name} {found[name]}" for name in COUNTED)


def is_well(found: Facts) -> bool:
    """Whether nothing was found wrong, each seeded fault was found, and nearly all faults happened at all."""
    unreached = len(found["not reached"]) > found["plans"] * UNREACHED
    return not (found["findings"] or found["missed"] or unreached)


def write(found: Mapping[str, Any]) -> None:
    """Keep the numbers where other tools find them."""
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps(found, indent=2) + "\n")


def _is_crashed(outcome: Outcome) -> bool:
    return bool(outcome.plan.placed) and is_crash(outcome.plan)


def _group(outcome: Outcome) -> str:
    if len(outcome.plan.placed) > 1:
        return "crash in recovery"
    return CATALOG[outcome.plan.placed[0].fault].group


def _percentile(ordered: list[float], percent: int) -> float:
    return round(ordered[min(len(ordered) * percent // 100, len(ordered) - 1)], 2) if ordered else 0.0
