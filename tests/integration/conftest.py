"""One control plane for all tests of a run, and a namespace for each test."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from dev.assets import find_assets, find_controller_manager, kind_is_asked_for
from dev.cluster import Cluster
from dev.controllers import WORKLOADS, Controllers
from dev.errors import DevError
from dev.gateway.crds import ensure_http_route
from dev.operator_process import OperatorProcess
from dev.progress import Progress
from dev.receiver import Receiver
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.people import Person, Stage, admin_client, set_stage
from tests.support.require import require
from tests.support.shop import Shop
from tests.support.team import Team


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane with the CRDs, roles and admission policies in force; it ends with the run."""
    at_hand = kind_is_asked_for(os.environ) or find_assets(os.environ) is not None
    require(at_hand, "kube-apiserver, etcd and kubectl: `python -m dev build` builds them")
    with Cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """kubectl against the control plane: `kubectl("get", "pods", user="ana", check=False)`."""
    return Kubectl(cluster)


@pytest.fixture
def namespace(administrator: httpx.Client, request: pytest.FixtureRequest) -> str:
    """The name of a fresh namespace that is this test's own, and the same in every run."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50].strip("-")
    name = f"{words}-{digest}"
    Person(administrator, name).make_namespace()
    return name


@pytest.fixture
def admin(administrator: httpx.Client, namespace: str) -> Person:
    """The administrator in this test's namespace, by plain requests."""
    return Person(administrator, namespace)


@pytest.fixture(scope="module")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """The operator under its own identity and role, running for all tests of a module."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(cluster.operator_kubeconfig, log) as started:
        yield started


@pytest.fixture(scope="module")
def controllers(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[None]:
    """Controllers, at work on all namespaces for the tests of a module; kind has its own.

    Those of workloads, or by `parametrize("controllers", [NAMES], indirect=True)` those of these names.
    """
    if kind_is_asked_for(os.environ):
        yield
        return
    binary = find_controller_manager(os.environ)
    require(binary is not None, "kube-controller-manager: `python -m dev controllers` builds it")
    assert binary is not None
    names = getattr(request, "param", WORKLOADS)
    with Controllers(cluster, binary, tmp_path_factory.mktemp("controllers"), names):
        yield


@pytest.fixture(scope="module")
def http_routes(cluster: Cluster, kubectl: Kubectl) -> Iterator[None]:
    """The API server serves the Gateway API's own HTTPRoute, for the tests of a module."""
    try:
        manifest = str(ensure_http_route(os.environ, Progress()))
    except DevError as error:
        require(False, f"the CRD of HTTPRoute: {error}")
        raise
    kubectl("apply", "--server-side", f"--filename={manifest}")
    # `kubectl wait` fails as long as the conditions are the manifest's own: null.
    served = ("get", "--raw", "/apis/gateway.networking.k8s.io/v1/httproutes")
    wait_until(lambda: kubectl(*served, check=False).stderr.strip() or None, 30)
    yield
    kubectl("delete", f"--filename={manifest}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that plays every vendor, for one test."""
    with Receiver() as started:
        yield started


@pytest.fixture
def team(kubectl: Kubectl, admin: Person, receiver: Receiver) -> Team:
    """A team in a namespace of its own: a pager, a backup, and the right to have its Secrets read."""
    return Team(kubectl, admin, receiver)


@pytest.fixture(scope="session")
def administrator(cluster: Cluster) -> Iterator[httpx.Client]:
    """A client of the administrator's, for what would take kubectl a process each."""
    with admin_client(cluster) as client:
        yield client


@pytest.fixture
def shop(
    kubectl: Kubectl, administrator: httpx.Client, receiver: Receiver, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    """A team with many policies and classes, in a namespace of a short name: theirs begin with it."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    with _shop(kubectl, Person(administrator, f"shop-{digest}"), receiver) as made:
        yield made


@pytest.fixture
def other(kubectl: Kubectl, administrator: httpx.Client, receiver: Receiver, shop: Shop) -> Iterator[Shop]:
    """Another team, to which nothing bad happens."""
    with _shop(kubectl, Person(administrator, f"{shop.namespace}-other"), receiver) as made:
        yield made


@contextmanager
def _shop(kubectl: Kubectl, admin: Person, receiver: Receiver) -> Iterator[Shop]:
    """A shop in a namespace of its own, which at its end leaves nothing for other operators to do."""
    admin.make_namespace()
    made = Shop(kubectl, admin, receiver)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stage(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Rights for people in the namespace that the module calls NAMESPACE."""
    with admin_client(cluster) as client:
        yield set_stage(client, request.module.NAMESPACE)
