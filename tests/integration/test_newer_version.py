"""A status that a newer version has written, under the CRD of that version."""

import json
from collections.abc import Iterator

import httpx
import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.people import DRY_RUN, Json, Person
from tests.support.shop import Shop
from watchbill.api.group import API_VERSION

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/incidents.watchbill.dev"
STATUS = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties"
PLACES = (f"{STATUS}/newer", f"{STATUS}/pages/items/properties/newer")
FIELD = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
NEWER = {"of": "the future"}


@pytest.fixture(scope="module")
def newer_crd(administrator: httpx.Client) -> Iterator[None]:
    """The CRD of a newer version is in force: the status has a field more, and so has each page."""
    old = administrator.get(CRD).json()["spec"]
    change(administrator, [{"op": "add", "path": place, "value": FIELD} for place in PLACES])
    wait_until(lambda: refusal(administrator), 20)
    yield
    change(administrator, [{"op": "remove", "path": place} for place in PLACES])
    wait_until(lambda: None if refusal(administrator) else "the newer schema is still in force.", 20)
    assert administrator.get(CRD).json()["spec"] == old


@pytest.fixture(scope="module")
def operator(
    cluster: Cluster, newer_crd: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator that began to watch under the newer schema.

    The API server goes on for a second with a watch that was begun under the older one, and tells it of
    objects without the newer fields: whatever decides on those cannot keep them.
    """
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(cluster.operator_kubeconfig, log) as started:
        yield started


def change(administrator: httpx.Client, patch: list[Json]) -> None:
    """Change the CRD."""
    headers = {"Content-Type": "application/json-patch+json"}
    answer = administrator.patch(CRD, content=json.dumps(patch), headers=headers)
    assert answer.is_success, answer.text


def refusal(administrator: httpx.Client) -> str | None:
    """Why an incident with the newer field is refused; None once every request meets the newer schema."""
    person = Person(administrator, "default")
    incident: Json = {"apiVersion": API_VERSION, "kind": "Incident", "metadata": {"name": "newer"}}
    incident |= {"spec": {"title": "Checkout fails", "severity": "SEV-1"}, "status": {"newer": NEWER}}
    answer = person.ask("POST", f"{person.path('incidents')}?{DRY_RUN}", incident)
    return None if answer.succeeded else answer.message


def test_a_status_of_a_newer_version_is_gone_on_with_and_loses_nothing(shop: Shop):
    shop.ladder("checkout", ("first", "2s", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))
    shop.declare()
    shop.receiver.wait_for(lambda _: shop.triggers)
    (page,) = shop.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted" and i["status"]["pages"])
    word = {"phase": "Mobilizing", "escalation": {"state": "Paging"}, "pages": [page | {"newer": NEWER}]}
    shop.write_status("checkout", word | {"newer": NEWER})
    shop.receiver.wait_for(lambda _: len(shop.triggers) == 2)
    shop.wait_for_phase("Triggered")
    shop.acknowledge()
    shop.wait_for_alerts("acknowledged", "acknowledged")
    shop.wait_for_phase("Acknowledged")
    shop.write_status("checkout", {"phase": "Mobilizing"})
    incident = shop.wait_for_phase("Acknowledged")
    kept = (incident["status"].get("newer"), incident["status"]["pages"][0].get("newer"))
    assert kept == (NEWER, NEWER)
    assert len(shop.triggers) == len(set(shop.triggers)) == 2
