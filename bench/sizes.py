"""How much is measured: little in CI, all of it by `make bench-full`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The numbers that a run is made of; times in seconds."""

    name: str
    teams: int
    incidents: int
    rounds: int
    serial: int
    """Incidents that are declared one after the other in a round."""
    repeats_shared: bool
    """Whether that is measured once more where the servers have no core of their own."""
    burst_seconds: float
    """For how long a round declares 50 of them a second."""
    due_per_second: int
    due_seconds: float
    lifecycles: int
    idle_seconds: float
    """For how long ours is left alone; a peer for half a minute at most."""
    restarts: int
    """How often all is overdue at a start."""
    failovers: int


SMALL = Size("small", 10, 1000, 3, 20, False, 1.0, 50, 3.0, 5, 10.0, 1, 1)
FULL = Size("full", 100, 10_000, 5, 60, True, 4.0, 200, 6.0, 10, 125.0, 2, 3)
