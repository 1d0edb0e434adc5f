"""The image and the chart in a real cluster: installed at once, at work, and small."""

import json

import pytest

from dev.realcluster.addresses import NODE
from tests.e2e.release import NAME, NAMESPACE, Release
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.shop import Shop

PAGER = [target("pagerduty")]
INSTALLED_WITHIN = 60.0
INCIDENTS = 500


def test_the_node_is_ready_and_takes_pods(kubectl: Kubectl):
    node = json.loads(kubectl("get", "node", NODE, "--output=json").stdout)
    assert {"type": "Ready", "status": "True"}.items() <= node["status"]["conditions"][-1].items()


@pytest.mark.feature("F65")
def test_the_release_is_installed_in_a_minute_as_one_deployment_and_no_stateful_set(
    release: Release, kubectl: Kubectl
):
    assert release.seconds < INSTALLED_WITHIN
    kinds = "deployments,statefulsets,daemonsets,persistentvolumeclaims"
    made = kubectl("get", kinds, f"--namespace={NAMESPACE}", "--output=name").stdout.split()
    assert made == [f"deployment.apps/{NAME}"]


def test_an_incident_is_paged_acknowledged_and_resolved(shop: Shop):
    shop.ladder("checkout", ("first", "10m", PAGER))
    shop.declare()
    shop.wait_for_alerts("triggered")
    shop.patch(acknowledgedBy={"admin": {}})
    shop.wait_for_alerts("acknowledged")
    shop.say("Resolved", "rolled back")
    shop.wait_for_alerts("resolved")
    shop.wait_for_phase("Resolved")


@pytest.mark.convention(37)
def test_helm_test_passes(release: Release):
    assert "Phase:          Succeeded" in release.helm("test", NAME, "--timeout=90s")


@pytest.mark.feature("F65")
def test_500_open_incidents_take_less_than_256_mib_and_a_fifth_of_a_core(release: Release, shop: Shop):
    shop.hook("hook")
    shop.ladder("checkout", ("first", "10m", [target("hook")]))
    for number in range(INCIDENTS):
        shop.declare(f"checkout-{number}", classRef={"name": shop.class_of("checkout")})
    shop.receiver.wait_for(lambda receiver: len(receiver.requests_to(shop.at("hook"))) >= INCIDENTS, 120)
    cores, mebibytes = release.usage_over(release.leader(), 30)
    print(f"{INCIDENTS} open incidents: {cores:.3f} cores, {mebibytes:.0f} MiB")
    assert cores < 0.2
    assert 0 < mebibytes < 256
