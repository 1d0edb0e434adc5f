"""`python -m tests.faults`: try thousands of faults against the operator; `--plan ID` plays one again."""

import argparse
import sys

from tests.faults import campaign, hunt, report
from tests.faults.oracles import judged
from tests.faults.plans import plan_of
from tests.faults.play import play


def main() -> int:
    """0 where nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--plan", help="play one plan again, and tell of it")
    parser.add_argument("--minutes", type=float, default=6.0, help="how long to try (default: 6)")
    parser.add_argument(
        "--at-least", type=int, default=2500, help="plans that are played however long it takes"
    )
    parser.add_argument("--seed", type=int, default=1, help="in which order plans are tried (default: 1)")
    given = parser.parse_args()
    if given.plan:
        return again(given.plan)
    played = campaign.run(given.minutes * 60, given.at_least, given.seed, say)
    found = report.facts(played, hunt.catches(), given.seed)
    report.write(found)
    say(report.summary(found))
    return 1 if found["findings"] or found["missed"] else 0


def again(text: str) -> int:
    """Play one plan, and tell what happened in it, in order."""
    plan = plan_of(text)
    run = play(plan)
    began = run.stage.began
    for each in run.stage.network.happened:
        crossing = each.crossing
        say(f"{each.time - began:9.3f} s  fault at {crossing.number}: {crossing.label} of {crossing.process}")
    for arrival in run.stage.vendors.arrived:
        say(f"{arrival.time - began:9.3f} s  {arrival.vendor} {arrival.action} {arrival.key} by {arrival.by}")
    for line in run.logs:
        say(f"             {line}")
    findings = judged(run, campaign.reference(plan.scenario, plan.replicas))
    for finding in findings:
        say(str(finding))
    return 1 if findings else 0


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
