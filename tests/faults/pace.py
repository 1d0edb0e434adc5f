"""How fast a story is played, and for how long people wait in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds; those of the product itself are always as they are."""

    share: float = 1.0
    """Of each delay and rest that a story tells."""
    patience: float = 1200.0
    """That people wait for something before they call it lost."""
    look: float = 0.1
    """Until somebody who waits sees what is new."""
    quiet: float = 25.0
    """Without a change to any incident after which a run counts as settled."""
    told_within: float = 400.0
    """In which a vendor is told of a deleted incident's end for the last time."""
    longest: float = 900.0
    """That a run gets to settle."""
    spare_writes: int = 0
    """Status writes more than in a run without faults that mean nothing: a record waits for vendors for
    no longer than a second (DESIGN §4, rule 4), which a busy machine needs for an answer."""


VIRTUAL = Pace()
