"""What is rendered for each file of values on three versions of Kubernetes."""

import json

import pytest

from dev.chart import CHART
from dev.layout import REPOSITORY
from tests.support.chart import NEWEST, VALUE_FILES, is_hook, named, of_kind, parsed, rendered, template
from tests.support.kubernetes_schemas import faults
from watchbill.api.admission.manifests import policies, stamps
from watchbill.api.crd import crds
from watchbill.api.kinds import KINDS

VERSIONS = ("1.30", "1.36", NEWEST)

SINCE_1_30 = {
    "v1",
    "apps/v1",
    "policy/v1",
    "networking.k8s.io/v1",
    "rbac.authorization.k8s.io/v1",
    "apiextensions.k8s.io/v1",
    "admissionregistration.k8s.io/v1",
    "monitoring.coreos.com/v1",
    "watchbill.dev/v1alpha1",
}
"""The versions of APIs that every Kubernetes serves that the chart may be installed in."""

BY_DEFINITIONS = {"monitoring.coreos.com/v1", "watchbill.dev/v1alpha1"}
"""The versions of APIs that are Kubernetes' own nowhere."""

MISSPELT = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"maxUnavailabel": 1}}

POLICY_KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
STAMP_KINDS = ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IncidentClass"}
CLUSTER_WIDE |= {*POLICY_KINDS, *STAMP_KINDS}
KEEP = {"helm.sh/resource-policy": "keep"}


@pytest.mark.convention(30)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", VALUE_FILES)
def test_every_object_is_one_that_this_kubernetes_serves(file: str, version: str):
    objects = rendered(file=file, version=version)
    places = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    assert len(set(places)) == len(places)
    assert {each["apiVersion"] for each in objects} <= SINCE_1_30
    assert {kind for kind, namespace, _ in places if not namespace} <= CLUSTER_WIDE
    assert bool(of_kind(objects, *STAMP_KINDS)) == (version != "1.30" and "existing" not in file)
    unlabelled = [o for o in objects if "helm.sh/chart" not in o["metadata"].get("labels", {})]
    assert [o["metadata"]["name"] for o in unlabelled] in ([], ["watchbill-extra"])


@pytest.mark.convention(30)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_by_the_schema_of_this_kubernetes(version: str):
    objects = [each for file in VALUE_FILES for each in rendered(file=file, version=version)]
    foreign = [each for each in objects if each["apiVersion"] in BY_DEFINITIONS]
    # What is the same for each file of values is looked at once.
    native = {json.dumps(each, sort_keys=True): each for each in objects if each not in foreign}
    assert [
        (each["metadata"]["name"], found) for each in native.values() if (found := faults(each, version))
    ] == []
    assert any("maxUnavailabel" in each for each in faults(MISSPELT, version))


def test_an_older_kubernetes_is_refused():
    assert "requires kubeVersion: >= 1.30.0-0" in template(version="1.29")[1]


@pytest.mark.convention(31)
class TestTheDefinitions:
    def test_are_those_of_the_models_and_are_kept(self):
        found = of_kind(rendered(), "CustomResourceDefinition")
        assert [each["metadata"].pop("annotations") for each in found] == [KEEP] * len(KINDS)
        for each in found:
            del each["metadata"]["labels"]
        assert sorted(found, key=_name) == sorted(crds(), key=_name)

    def test_can_be_left_out_or_not_kept(self):
        assert of_kind(rendered("crds.enabled=false"), "CustomResourceDefinition") == []
        found = of_kind(rendered("crds.keep=false"), "CustomResourceDefinition")
        assert len(found) == len(KINDS)
        assert [each for each in found if "annotations" in each["metadata"]] == []

    def test_may_have_further_annotations(self):
        found = of_kind(rendered(file="full-values.yaml"), "CustomResourceDefinition")
        assert {tuple(each["metadata"]["annotations"]) for each in found} == {
            ("helm.sh/resource-policy", "example.com/owner")
        }


class TestTheAdmissionPolicies:
    def test_are_those_of_the_models(self):
        assert _policies(*POLICY_KINDS) == _by_name(policies())
        assert _policies(*STAMP_KINDS) == _by_name(stamps())

    def test_know_the_operator_of_the_release(self):
        out, _ = template("--namespace=ops", "--set=serviceAccount.name=pager")
        objects = parsed(out)
        user = "system:serviceaccount:ops:pager"
        for kinds, wanted in ((POLICY_KINDS, policies(user)), (STAMP_KINDS, stamps(user))):
            assert {each["metadata"]["name"]: each["spec"] for each in of_kind(objects, *kinds)} == {
                each["metadata"]["name"]: each["spec"] for each in wanted
            }
        deployment = named(objects, "Deployment", "watchbill")
        assert deployment["metadata"]["namespace"] == "ops"
        assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "pager"

    def test_fill_in_authors_from_1_36_on_or_as_is_asked(self):
        assert not of_kind(rendered(version="1.35"), *STAMP_KINDS)
        assert of_kind(rendered(version="1.36"), *STAMP_KINDS)
        assert of_kind(rendered("admission.stamp=always", version="1.35"), *STAMP_KINDS)
        assert not of_kind(rendered("admission.stamp=never"), *STAMP_KINDS)

    def test_can_be_left_out(self):
        assert not of_kind(rendered("admission.enabled=false"), *POLICY_KINDS, *STAMP_KINDS)


class TestHelmTest:
    def test_is_a_pod_that_runs_the_script_with_a_narrow_role(self):
        hooks = [each for each in rendered() if is_hook(each)]
        (pod,) = of_kind(hooks, "Pod")
        (container,) = pod["spec"]["containers"]
        script = (REPOSITORY / CHART / "files/handled.py").read_text()
        assert (container["command"], container["args"]) == (["python", "-c"], [script])
        (role,) = of_kind(hooks, "Role")
        assert [rule["resources"] for rule in role["rules"]] == [["incidents"]]
        assert pod["spec"]["serviceAccountName"] == role["metadata"]["name"]
        policies = {each["metadata"]["annotations"]["helm.sh/hook-delete-policy"] for each in hooks}
        assert policies == {"before-hook-creation,hook-succeeded"}

    def test_declares_where_the_operator_works(self):
        hooks = [each for each in rendered(file="namespaced-values.yaml") if is_hook(each)]
        places = {each["kind"]: each["metadata"].get("namespace") for each in hooks}
        assert places["Connection"] == places["EscalationPolicy"] == places["Role"] == "shop"
        assert places["Pod"] == places["ServiceAccount"] == "watchbill"

    def test_has_no_label_that_selects_the_operators_pods(self):
        objects = rendered()
        (pod,) = of_kind(objects, "Pod")
        selector = named(objects, "Deployment", "watchbill")["spec"]["selector"]["matchLabels"]
        assert not selector.items() <= pod["metadata"]["labels"].items()


def _name(thing):
    return thing["metadata"]["name"]


def _by_name(manifests):
    return sorted(manifests, key=lambda each: (each["kind"], _name(each)))


def _policies(*kinds):
    """The policies and bindings of the default release, without the chart's labels."""
    found = of_kind(rendered(), *kinds)
    for each in found:
        del each["metadata"]["labels"]
    return _by_name(found)
