"""What must be true of every run, whatever went wrong in it: eleven oracles, O1 to O11."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.faults import on_ends, on_pages, on_records, on_runs
from tests.faults.play import Run
from tests.faults.runs import Reference


@dataclass(frozen=True, slots=True)
class Finding:
    """What one oracle found wrong."""

    oracle: str
    text: str

    def __str__(self) -> str:
        return f"{self.oracle}: {self.text}"


Oracle = Callable[[Run, Reference], Iterator[str]]

ORACLES: Mapping[str, Oracle] = {
    "O1 converges": on_ends.converges,
    "O2 no lost page": on_pages.loses_no_page,
    "O3 no duplicate": on_pages.repeats_nothing,
    "O4 no ghost": on_pages.pages_no_ghost,
    "O5 monotone": on_records.never_goes_back,
    "O6 no hot loop": on_records.is_no_loop,
    "O7 errors shown": on_records.shows_its_errors,
    "O8 no leak": on_records.leaks_nothing,
    "O9 never early": on_pages.fires_nothing_early,
    "O10 acts once": on_runs.acts_once,
    "O11 tells of a stop": on_runs.tells_of_a_stop,
}


def judged(run: Run, reference: Reference) -> list[Finding]:
    """What is wrong with a run; nothing, as a rule."""
    return [Finding(name, text) for name, oracle in ORACLES.items() for text in oracle(run, reference)]
