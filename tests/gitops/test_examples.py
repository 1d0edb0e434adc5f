"""The example repository for Flux and Argo CD: what it names is there, and comes in an order that works."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev.layout import REPOSITORY
from watchbill.api.group import API_VERSION
from watchbill.cli.lint import examine

pytestmark = pytest.mark.feature("F63")

Json = dict[str, Any]
FLEET = REPOSITORY / "examples/gitops"
FLEET_URL = "https://git.example.com/platform/fleet.git"
ACCOUNT = ("shop", "gitops")


def objects(folder: str, *kinds: str) -> Iterator[Json]:
    """The objects below a folder of the example; of these kinds alone, where some are given."""
    for file in sorted((FLEET / folder).rglob("*.yaml")):
        for thing in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if not kinds or thing["kind"] in kinds:
                yield thing


def place(thing: Json) -> tuple[str, str]:
    return thing["metadata"].get("namespace", ""), thing["metadata"]["name"]


KUSTOMIZATIONS = {place(each): each["spec"] for each in objects("flux", "Kustomization")}
APPLICATIONS = {place(each): each for each in objects("argocd", "Application")}
TEAMS_KINDS = {each["kind"] for each in objects("teams")}


def test_our_objects_are_valid_and_name_each_other():
    files = [*(FLEET / "platform").rglob("*.yaml"), *(FLEET / "teams").rglob("*.yaml")]
    assert {thing["apiVersion"] for thing in objects("teams")} == {API_VERSION}
    # The Secret is not in Git, on purpose.
    assert [str(finding) for finding in examine(files, "default") if finding.level == "error"] == []


@pytest.mark.parametrize("where", KUSTOMIZATIONS, ids="/".join)
def test_what_a_kustomization_of_flux_names_is_there(where: tuple[str, str]):
    spec, (namespace, _) = KUSTOMIZATIONS[where], where
    assert (FLEET / spec["path"]).is_dir()
    sources = {place(each) for each in objects("flux", "GitRepository")}
    assert (namespace, spec["sourceRef"]["name"]) in sources
    assert {(namespace, each["name"]) for each in spec.get("dependsOn", [])} <= KUSTOMIZATIONS.keys()


def test_flux_applies_the_definitions_then_the_platform_then_the_teams():
    platform, tenants = (KUSTOMIZATIONS["flux-system", name] for name in ("platform", "tenants"))
    assert platform["dependsOn"] == [{"name": "watchbill"}]
    assert tenants["dependsOn"] == [{"name": "platform"}]
    assert KUSTOMIZATIONS["flux-system", "watchbill"]["wait"] is True


def test_flux_applies_what_a_team_has_with_the_teams_account_and_waits_for_every_kind_of_it():
    spec = KUSTOMIZATIONS["shop", "on-call"]
    assert ("shop", spec["serviceAccountName"]) == ACCOUNT
    assert ACCOUNT in {place(each) for each in objects("platform", "ServiceAccount")}
    assert {each["kind"] for each in spec["healthCheckExprs"]} == TEAMS_KINDS
    (current,) = {each["current"] for each in spec["healthCheckExprs"]}
    assert current == documented()


def documented() -> str:
    """The expression that the how-to explains."""
    page = (REPOSITORY / "docs/howto/gitops.md").read_text(encoding="utf-8")
    block = page.split("```yaml\n")[1].split("```")[0]
    expression: str = yaml.safe_load(block)["spec"]["healthCheckExprs"][0]["current"]
    return expression


@pytest.mark.parametrize("where", APPLICATIONS, ids="/".join)
def test_what_an_application_of_argo_cd_names_is_there(where: tuple[str, str]):
    source = APPLICATIONS[where]["spec"]["source"]
    assert source["repoURL"] != FLEET_URL or (FLEET / source["path"]).is_dir()


def test_argo_cd_applies_the_definitions_then_the_platform_then_the_teams():
    waves = {
        name: int(thing["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])
        for (_, name), thing in APPLICATIONS.items()
        if name != "on-call"
    }
    assert sorted(waves, key=waves.__getitem__) == ["watchbill", "platform", "shop"]
    assert len(set(waves.values())) == len(waves)


def test_argo_cd_lets_a_team_have_these_kinds_in_its_namespace_and_no_others():
    (project,) = objects("argocd", "AppProject")
    spec = project["spec"]
    assert {each["kind"] for each in spec["namespaceResourceWhitelist"]} == TEAMS_KINDS
    assert spec["clusterResourceWhitelist"] == []
    assert {each["namespace"] for each in spec["destinations"]} == {"shop"}
    (account,) = spec["destinationServiceAccounts"]
    assert (account["namespace"], account["defaultServiceAccount"]) == ACCOUNT
