"""The release is taken away, and comes back."""

import pytest

from tests.e2e.release import NAME, Release
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.shop import Shop

PAGER = [target("pagerduty")]

TAKEN_UP_WITHIN = 60.0
"""Seconds in which a new release tells the pager what was done meanwhile: Helm takes the old one's role away
before its pods end, so that they cannot release the lease, which has to run out."""


@pytest.mark.convention(31)
def test_uninstalling_keeps_every_incident_and_the_next_release_goes_on_with_them(
    release: Release, shop: Shop, kubectl: Kubectl
):
    shop.ladder("checkout", ("first", "10m", PAGER))
    shop.declare()
    shop.wait_for_alerts("triggered")
    release.helm("uninstall", NAME, "--wait")
    assert release.pods() == []
    crds = kubectl("get", "crds", "--output=name").stdout
    assert "incidents.watchbill.dev" in crds
    shop.acknowledge()
    release.install()
    shop.receiver.wait_for(lambda _: shop.alerts == ["acknowledged"], TAKEN_UP_WITHIN)
    assert kubectl("get", "crds", "--output=name").stdout == crds
