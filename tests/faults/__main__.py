"""`python -m tests.faults`: try thousands of faults against the operator; `--plan ID` plays one again."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.machine import machine
from tests.faults import campaign, hunt, page, report
from tests.faults.oracles import judged
from tests.faults.plans import Plan, plan_of
from tests.faults.play import Run, play
from tests.faults.real import campaign as real
from tests.faults.real import choice


def main() -> int:
    """0 where nothing was found."""
    given = _parser().parse_args()
    if given.plan:
        return again(plan_of(given.plan))
    found: dict[str, Any] = {"seed": given.seed, "machine": asdict(machine(Path()))}
    if given.minutes:
        played = campaign.run(given.minutes * 60, given.at_least, given.seed, say)
        found["fast"] = report.facts(played, hunt.catches())
        say(report.summary("in virtual time", found["fast"]))
    if given.real != "0":
        plans = choice.full(given.seed) if given.real == "all" else choice.some(int(given.real), given.seed)
        found["real"] = report.facts(*real.run(plans, real.MUTANTS, say))
        say(report.summary("with real processes", found["real"]))
    report.write(found)
    if given.write:
        page.write(found)
    return 0 if all(report.is_well(found[mode]) for mode in ("fast", "real") if mode in found) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--plan", help="play one plan again, and tell of it")
    parser.add_argument(
        "--minutes", type=float, default=4.5, help="how long to try in virtual time, or 0 (default: 4.5)"
    )
    parser.add_argument(
        "--at-least", type=int, default=2500, help="plans in virtual time, however long they take"
    )
    parser.add_argument("--seed", type=int, default=1, help="in which order plans are tried (default: 1)")
    parser.add_argument(
        "--real",
        default="42",
        help="plans with real processes, or `all` (default: 42, for some are not reached)",
    )
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    return parser


def again(plan: Plan) -> int:
    """Play one plan, and tell what happened in it, in order."""
    reference = campaign.reference(plan.scenario, plan.replicas)
    run = real.again(plan) if plan.real else play(plan)
    for line in story(run):
        say(line)
    findings = judged(run, reference)
    for finding in findings:
        say(str(finding))
    return 1 if findings else 0


def story(run: Run) -> list[str]:
    """The faults and what arrived at vendors in the order of a run, and what was logged."""
    told = [
        (each.time, f"fault {each.fault} at {each.crossing.number}: {each.crossing.label}")
        for each in run.stage.network.happened
    ]
    told += [
        (each.time, f"{each.vendor} {each.action} {each.key} by {each.by}")
        for each in run.stage.vendors.arrived
    ]
    lines = [f"{time - run.stage.began:9.3f} s  {text}" for time, text in sorted(told)]
    return [*lines, *(f"             {line}" for line in run.logs)]


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
