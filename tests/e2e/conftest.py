"""A real cluster whose node runs the image, and the chart installed in it, for all tests of a run."""

import hashlib
import os
from collections.abc import Iterator

import httpx
import pytest

from dev.assets import ensure_helm
from dev.errors import DevError
from dev.progress import Progress
from dev.realcluster.addresses import ADDRESS
from dev.realcluster.cluster import RealCluster
from dev.realcluster.images import ensure_image, ensure_pause
from dev.realcluster.needs import require_node
from dev.receiver import Receiver
from tests.e2e.release import Release
from tests.support.kubectl import Kubectl
from tests.support.people import Person, admin_client
from tests.support.require import require
from tests.support.shop import Shop

GONE_WITHIN = "150s"
"""How long the namespace of a test may take to go, with 500 incidents in it."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[RealCluster]:
    """The one cluster of this machine, its node ready; it ends with the run."""
    try:
        require_node(os.environ)
    except DevError as error:
        require(False, f"a machine that can be a node:\n{error}")
    images = [ensure(os.environ, Progress()) for ensure in (ensure_pause, ensure_image)]
    with RealCluster(images) as started:
        yield started


@pytest.fixture(scope="session")
def kubectl(cluster: RealCluster) -> Kubectl:
    """kubectl against the cluster."""
    return Kubectl(cluster)


@pytest.fixture(scope="session")
def administrator(cluster: RealCluster) -> Iterator[httpx.Client]:
    """A client of the administrator's, for what would take kubectl a process each."""
    with admin_client(cluster) as client:
        yield client


@pytest.fixture(scope="session")
def release(kubectl: Kubectl, cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The chart, installed with the image in a namespace that enforces Pod Security's restricted standard."""
    helm = ensure_helm(os.environ, Progress())
    made = Release(kubectl, helm, cluster.kubeconfig, tmp_path_factory.mktemp("helm"))
    made.make_namespace()
    made.install()
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that plays every vendor, where pods reach it, for one test."""
    with Receiver(address=ADDRESS) as started:
        yield started


@pytest.fixture
def shop(
    release: Release,
    kubectl: Kubectl,
    administrator: httpx.Client,
    receiver: Receiver,
    request: pytest.FixtureRequest,
) -> Iterator[Shop]:
    """A team whose incidents the operator in the cluster handles."""
    assert release is not None
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    admin = Person(administrator, f"shop-{digest}")
    admin.make_namespace()
    made = Shop(kubectl, admin, receiver)
    yield made
    made.terminate()
    made.delete_classes()
    kubectl("wait", "--for=delete", f"namespace/{made.namespace}", f"--timeout={GONE_WITHIN}")
