"""Where a bench is played: a control plane with fsync, the teams, the sink, and what is measured there."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench import cores
from bench.api import Api
from bench.arrivals import Sink
from bench.peers.alertmanager import Alertmanager
from bench.population import Population, State
from bench.sizes import Size
from bench.systems import Peers, Watchbill
from bench.teams import make_teams
from dev.alertmanager.build import ensure_alertmanager
from dev.cluster import Cluster
from dev.kubeconfigs import person_kubeconfig
from dev.progress import Progress

PEER = "peer"
"""The user whom the peers are; cluster-admin, for they need more rights than ours."""


@dataclass(frozen=True)
class Stage:
    """What a bench acts on."""

    size: Size
    home: Path
    api: Api
    sink: Sink
    peers: Peers
    ours: Watchbill
    standby: Watchbill
    population: Population
    progress: Progress

    def alertmanager(self) -> Alertmanager:
        """Alertmanager, which is not started yet."""
        binary = ensure_alertmanager(os.environ, self.progress)
        return Alertmanager(binary, self.home / "alertmanager", self.sink.url)


@asynccontextmanager
async def staged(
    size: Size, state: State, home: Path, progress: Progress, apart: bool = False
) -> AsyncIterator[Stage]:
    """A stage where all is ready and nothing that is measured runs; nothing of it is left running.

    With `apart` the API server and etcd have a core of their own.
    """
    home.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        with cores.for_servers() if apart else nullcontext():
            cluster = stack.enter_context(Cluster(home, durable=True, progress=progress))
        stack.enter_context(cores.for_the_measured() if apart else nullcontext())
        api = await stack.enter_async_context(Api(cluster))
        sink = await stack.enter_async_context(Sink(home / "sink.log"))
        with progress.part(f"making {size.teams} teams"):
            await make_teams(api, size.teams, sink.url)
            await _let_peers_in(api)
        kubeconfig = person_kubeconfig(cluster, PEER)
        ours, standby = (
            Watchbill(api, cluster.operator_kubeconfig, home / f"{name}.log", size.teams, name)
            for name in ("watchbill", "standby")
        )
        for operator in (ours, standby):
            stack.callback(operator.process.kill)
        peers = Peers(api, kubeconfig, home, sink.url)
        population = Population(api, size.teams, state)
        yield Stage(size, home, api, sink, peers, ours, standby, population, progress)


async def _let_peers_in(api: Api) -> None:
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"apiGroup": group, "kind": "User", "name": PEER}
    binding = {"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": PEER}}
    path = f"/apis/{group}/v1/clusterrolebindings"
    await api.create(path, binding | {"roleRef": role, "subjects": [subject]})
