"""The tutorial, typed word for word from the installation by Helm to the end, in the real cluster.

The last file of its folder: it leaves no release behind.
"""

import os
from pathlib import Path

import pytest

from dev.assets import ensure_helm
from dev.layout import REPOSITORY
from dev.progress import Progress
from dev.realcluster.cluster import RealCluster
from dev.realcluster.images import TAG
from tests.e2e.release import NAME, Release
from tests.support.kubectl import Kubectl
from tests.support.walkthrough import play, typed

pytestmark = pytest.mark.timeout(900)
"""Alone, it builds the image and starts the cluster too."""

TUTORIAL = REPOSITORY / "docs/tutorial/README.md"


@pytest.fixture
def nothing_installed(
    kubectl: Kubectl, cluster: RealCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes away the release that other tests may have left, and gives Helm a home of its own."""
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"HELM_{name}_HOME", str(tmp_path))
    release = Release(kubectl, ensure_helm(os.environ, Progress()), cluster.kubeconfig, tmp_path)
    release.helm("uninstall", NAME, "--ignore-not-found", "--wait")
    assert release.pods() == []


@pytest.mark.usefixtures("nothing_installed")
def test_it_leads_from_helm_install_to_the_first_page_and_back_as_it_says(kubectl: Kubectl):
    text = TUTORIAL.read_text(encoding="utf-8")
    assert text.count(f"docker build --tag {TAG} .") == 1, "the cluster has the image under another name"
    steps = list(typed(TUTORIAL))
    assert steps[0].commands.startswith(f"helm install {NAME} ")
    for step in steps:
        play(kubectl, step)
    assert kubectl("get", "deployments", "--all-namespaces", "--output=name").stdout == ""
