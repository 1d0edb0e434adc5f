"""The commands of the how-to pages, typed as they stand there, page by page in one cluster."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.assets import find_assets, find_helm, kind_is_asked_for
from dev.cluster import Cluster
from dev.layout import REPOSITORY
from dev.operator_process import OperatorProcess
from tests.support.kubectl import Kubectl
from tests.support.require import require
from tests.support.walkthrough import Typed, play, typed

pytestmark = pytest.mark.cluster

HOWTO = REPOSITORY / "docs/howto"

AVAILABLE = '{"status": {"replicas": 6, "readyReplicas": 6, "availableReplicas": 6}}'
CHECKOUT = f"""
kubectl -n shop create deployment checkout --image=example.com/checkout --replicas=6
kubectl -n shop patch deployment checkout --subresource=status --type=merge -p '{AVAILABLE}'
"""
"""A workload as it is where a node runs it."""

NIGHT_DESK = """
kubectl create namespace platform
kubectl -n platform apply -f - <<END
apiVersion: watchbill.dev/v1alpha1
kind: Connection
metadata: {name: night-desk}
spec: {console: {}}
END
"""

TO_SUSPEND = """
kubectl create namespace argocd
kubectl -n argocd create configmap argocd-cm
kubectl apply -f examples/runbooks/kubernetes.yaml
"""

PLAYED: dict[str, str] = {
    "first-page": "",
    "console": "",
    "monitoring": "",
    "egress": "",
    "roles": NIGHT_DESK,
    "gitops": TO_SUSPEND,
    "pagerduty": "",
    "smtp": "",
    "webhook": "",
    "slack": "kubectl create namespace incident-platform",
    "watch-the-watcher": "",
    "runbooks": CHECKOUT,
    "install": "",
}
"""The pages in the order in which they are played, with what is there when somebody begins with one."""

ANEW = "kubectl -n shop delete rolebindings,roles,secrets --all"
"""Each page begins without what the one before has granted."""


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """A control plane of its own, whose namespaces and classes have the names that the pages take."""
    require(find_helm(os.environ) is not None, "Helm: `python -m dev helm` builds it")
    require(find_assets(os.environ) is not None, "kube-apiserver, etcd and kubectl: `python -m dev build`")
    require(not kind_is_asked_for(os.environ), "a control plane of its own, which kind has one of")
    directory = tmp_path_factory.mktemp("howto")
    log = directory / "operator.log"
    with Cluster(directory / "cluster") as cluster, OperatorProcess(cluster.operator_kubeconfig, log):
        yield Kubectl(cluster)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has what a checkout has, and takes what people save beside it."""
    folder = tmp_path_factory.mktemp("checkout")
    for each in REPOSITORY.iterdir():
        (folder / each.name).symlink_to(each)
    return folder


@pytest.mark.parametrize("page", PLAYED)
def test_every_command_of_a_page_works(kubectl: Kubectl, checkout: Path, page: str):
    before = [Typed(commands, None, False) for commands in (ANEW, PLAYED[page]) if commands]
    steps = list(typed(HOWTO / f"{page}.md"))
    assert steps
    for step in before + steps:
        play(kubectl, step, checkout)
