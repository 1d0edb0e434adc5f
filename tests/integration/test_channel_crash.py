"""An operator that is killed over a channel: the next one finds what was made and said."""

import signal
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Reaction
from tests.support.room import api, furnish, posts, the_channel, told
from tests.support.team import Team

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("method", ["conversations.create", "chat.postMessage"])
@pytest.mark.feature("F35.core")
def test_an_operator_that_is_killed_in_the_middle_is_followed_by_one_that_finds_what_was_made(
    team: Team, cluster: Cluster, tmp_path: Path, method: str
):
    furnish(team)
    team.receiver.script(api(method), Reaction(kind="hang", accepted=True), times=1)
    with OperatorProcess(cluster.operator_kubeconfig, tmp_path / "first.log") as first:
        team.declare()
        team.receiver.wait_for(lambda seen: seen.requests_to(api(method)))
        first.send_signal(signal.SIGKILL)
        with OperatorProcess(cluster.operator_kubeconfig, tmp_path / "second.log"):
            team.acknowledge()
            # The claim of the dead process is waited for as long as one send may take.
            made = team.receiver.wait_for(
                lambda seen: next((c for c in seen.slack.channels if told("acknowledged")(c)), None),
                timeout=25,
            )
    the_channel(team)
    assert sum("SEV-1: Checkout fails" in text for text in posts(made)) == 1
