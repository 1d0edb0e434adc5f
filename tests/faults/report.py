"""What a campaign covered and found, for people and as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.campaign import Campaign, Outcome
from tests.faults.catalog import CATALOG
from tests.faults.hunt import Catch
from tests.faults.plans import is_crash

ROOT = Path(__file__).resolve().parents[2]
JSON = ROOT / ".dev" / "faults.json"

Facts = dict[str, Any]

COUNTED = {"lost": "O2", "duplicate": "O3", "ghost": "O4", "early": "O9"}


def facts(campaign: Campaign, catches: Sequence[Catch], seed: int) -> Facts:
    """All numbers of the report."""
    crashes = sorted(outcome.lateness for outcome in campaign.outcomes if _is_crashed(outcome))
    kinds = Counter(finding.partition(" ")[0] for each in campaign.findings for finding in each.findings)
    return {
        "plans": len({str(outcome.plan) for outcome in campaign.outcomes}),
        "scenarios": len(campaign.learned),
        "seconds": round(campaign.seconds, 1),
        "crossings": sum(len(crossings) for crossings in campaign.learned.values()),
        "covered": coverage(campaign),
        "by group": dict(Counter(_group(outcome) for outcome in campaign.outcomes if outcome.plan.placed)),
        "happened": sum(outcome.happened for outcome in campaign.outcomes),
        "recovery in seconds": {
            "p50": _percentile(crashes, 50),
            "p99": _percentile(crashes, 99),
            "max": _percentile(crashes, 100),
        },
        **{name: kinds[oracle] for name, oracle in COUNTED.items()},
        "mutants": {each.mutant: each.oracle for each in catches if each.oracle},
        "missed": [each.mutant for each in catches if not each.oracle],
        "seed": seed,
        "findings": {str(outcome.plan): outcome.findings for outcome in campaign.findings},
    }


def coverage(campaign: Campaign) -> dict[str, str]:
    """Of the crossings that leave a process, how many were crashed at: before, after, and in recovery."""
    all_of = {
        (variant, crossing.number)
        for variant, crossings in campaign.learned.items()
        for crossing in crossings
        if crossing.kind in ("write", "effect")
    }
    covered: dict[str, set[tuple[str, int]]] = {"before": set(), "after": set(), "in recovery": set()}
    for outcome in campaign.outcomes:
        placed = outcome.plan.placed
        if placed and is_crash(outcome.plan):
            where = (f"{outcome.plan.scenario}@{outcome.plan.replicas}", placed[0].number)
            when = "before" if placed[0].fault == "crash-before" else "after"
            covered["in recovery" if len(placed) > 1 else when].add(where)
    return {when: f"{len(found & all_of)}/{len(all_of)}" for when, found in covered.items()}


def summary(found: Facts) -> str:
    """The report in a few lines."""
    groups = ", ".join(f"{name} {count}" for name, count in sorted(found["by group"].items()))
    covered = ", ".join(f"{when} {share}" for when, share in found["covered"].items())
    late = found["recovery in seconds"]
    return "\n".join(
        (
            f"{found['plans']} plans of {found['scenarios']} scenarios in {found['seconds']} s: {groups}",
            f"crossings crashed at: {covered}",
            ", ".join(f"{name} {found[name]}" for name in COUNTED) + f", findings {len(found['findings'])}",
            f"a page after crashes: p50 {late['p50']} s, p99 {late['p99']} s, at most {late['max']} s late",
            f"mutants found: {len(found['mutants'])}, missed: {found['missed'] or 'none'}",
        )
    )


def write(found: Facts) -> None:
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
