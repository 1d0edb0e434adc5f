"""The page that tells users of a run: `docs/faults.md`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.faults.catalog import CATALOG
from tests.faults.real.choice import UNREAL
from tests.faults.report import COUNTED, ROOT, Facts

PAGE = ROOT / "docs" / "faults.md"

HEAD = """# Faults

Written by `python -m tests.faults --write`, also in `make faults-full`; do not edit. A *plan* is a story,
such as two levels of which the first does not answer, and one fault or two in it: the operator is killed, the
API server or a vendor answers badly or not at all, the watch is late, a replica is frozen. A fault is placed
at a *crossing*: a request that leaves the operator, an answer that it gets, an event that it is told. Nine
oracles judge every run.

- **In virtual time**: the operator's own queue, store and sender against an API server in memory; only kopf
  is left out. An hour takes milliseconds, so that there are thousands of plans: a crash before, after and in
  the recovery from each crossing that leaves the process, each fault once in each story, and of all others
  as many as there is time for, of which each story gets an equal share.
- **With real processes**: `watchbill run` as a process, kopf included, a real kube-apiserver and etcd, and
  `SIGKILL`. A proxy stands before the API server and another one before the vendors; delays are a third of
  those in virtual time.
"""

ORACLES = """## What is judged

| oracle | what must be true |
|---|---|
| O1 converges | the same end as without a fault, and a stable one |
| O2 no lost page | every page that was due came, and at most 20 s late for each crash |
| O3 no duplicate | one key for each page; without one again only where nobody knows the outcome, said so |
| O4 no ghost | nobody is paged for what somebody has taken or ended |
| O5 monotone | epochs, generations, the timeline and the times of conditions only grow |
| O6 no hot loop | no more writes and requests than the fault explains |
| O7 errors shown | what a vendor answered badly stands in the incident |
| O8 no leak | no Secret's value stands in a log, an object, an Event or a metric |
| O9 never early | nobody is paged before the page is due |
| O10 acts once | a step of a runbook is done once at most, and what is said to be done was done |
| O11 tells of a stop | a run ends, and says why; of what nobody can tell a person is paged |
"""

REPLAY = """## Play one again

A finding prints the id of its plan: the story, the number of replicas, and each fault with its crossing.

```sh
make faults                                          # some of both, as our CI does it
make faults ARGS="--plan two-levels@1:26.crash-after"
make faults ARGS="--plan real/two-levels@1:incidents-status~2.crash-after"
```
"""

MODES = {"fast": "in virtual time", "real": "with real processes"}


def write(found: Mapping[str, Any]) -> None:
    """Write the page."""
    PAGE.write_text(page(found))


def page(found: Mapping[str, Any]) -> str:
    """The page in Markdown."""
    there = {title: found[mode] for mode, title in MODES.items() if mode in found}
    parts = [HEAD, _about(found), *_table(there), ORACLES, *_groups(there), *_mutants(there), REPLAY]
    return "\n".join(parts)


def _about(found: Mapping[str, Any]) -> str:
    machine = found["machine"]
    return (
        f"Run on {machine['when']}, on {machine['cores']} cores of {machine['cpu']} with "
        f"{machine['memory_gib']:.0f} GiB, Python {machine['python']}; seed {found['seed']}.\n"
    )


def _table(there: Mapping[str, Facts]) -> Iterator[str]:
    """What was played, and what came of it."""
    rows: dict[str, list[object]] = {
        "plans": [facts["plans"] for facts in there.values()],
        "stories, each with its number of replicas": [facts["scenarios"] for facts in there.values()],
        "crossings in them": [facts["crossings"] for facts in there.values()],
        **{
            f"of those that leave the process, crashed at {when}": [
                facts["covered"][when] for facts in there.values()
            ]
            for when in ("before", "after", "in recovery")
        },
        **{f"{name} pages": [f"**{facts[name]}**" for facts in there.values()] for name in COUNTED},
        "plans with any finding": [f"**{len(facts['findings'])}**" for facts in there.values()],
        "a page after crashes comes late by: median": [_late(facts, "p50") for facts in there.values()],
        "99th percentile": [_late(facts, "p99") for facts in there.values()],
        "at most": [_late(facts, "p100") for facts in there.values()],
        "seconds in all": [f"{facts['seconds']:.0f}" for facts in there.values()],
    }
    yield _line(["", *there])
    yield _line(["---"] * (len(there) + 1))
    for name, cells in rows.items():
        yield _line([name, *cells])
    yield ""


def _late(facts: Facts, percentile: str) -> str:
    return f"{facts['recovery in seconds'][percentile]:.1f} s"


def _groups(there: Mapping[str, Facts]) -> Iterator[str]:
    """How many plans there were of each group of faults, and what is in it."""
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name, entry in CATALOG.items():
        members[entry.group].append(name if name not in UNREAL else f"{name}*")
    members["crash in recovery"] = ["a second crash before or after a crossing of the recovery"]
    yield "## Faults by group\n"
    yield _line(["group", *(f"plans {title}" for title in there), "faults"])
    yield _line(["---"] * (len(there) + 2))
    for group, names in members.items():
        yield _line([group, *(facts["by group"].get(group, 0) for facts in there.values()), ", ".join(names)])
    yield "\n\\* in virtual time only.\n"


def _mutants(there: Mapping[str, Facts]) -> Iterator[str]:
    """Which seeded faults of the operator were found, and by which oracle."""
    yield "## That the oracles bite\n"
    yield "Each of these faults was put into the operator, and some plan had to end with a finding.\n"
    yield _line(["seeded fault", *(f"found {title} by" for title in there)])
    yield _line(["---"] * (len(there) + 1))
    for name in dict.fromkeys(name for facts in there.values() for name in facts["mutants"]):
        yield _line([name, *(_catch(facts, name) for facts in there.values())])
    yield ""


def _catch(facts: Facts, name: str) -> str:
    caught = facts["mutants"].get(name)
    return "" if caught is None else caught["oracle"] or "**not found**"


def _line(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
