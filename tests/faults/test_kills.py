"""Two replicas on a Lease: the leader dies at any moment, and nobody waits for long."""

import pytest

from tests.faults import campaign
from tests.faults.kills import SCENES, killed
from tests.faults.on_pages import loses_no_page, pages_no_ghost, repeats_nothing
from tests.faults.runs import LATEST

KILLS = 200
GOAL = 12.5
"""Seconds that a page is late at most, half a second of which is the tests' own: people look every 0.1 s."""


ORACLES = (loses_no_page, repeats_nothing, pages_no_ghost)


@pytest.mark.feature("F66")
def test_over_200_random_kills_of_the_leader_no_page_is_lost_and_none_is_20_s_late():
    late: list[float] = []
    for seed in range(KILLS):
        run = killed(seed)
        reference = campaign.reference(SCENES[seed % len(SCENES)], 2)
        found = [each for oracle in ORACLES for each in oracle(run, reference)]
        assert (seed, run.missing, found) == (seed, "", [])
        assert sum(len(operator.past) for operator in run.stage.operators) == 3
        late += [came - due for what, due, came in run.stage.waits if what.startswith("a page")]
    assert max(late) <= LATEST
    assert sorted(late)[len(late) * 99 // 100] <= GOAL
