"""The chart on a real API server: installed over the files, uninstalled, installed again, and at work.

No kubelet runs its pods here: what they would run is run as processes, under the accounts that they have.
The tests follow one release through its life.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from dev import probe
from dev.assets import find_assets, find_helm, kind_is_asked_for
from dev.cluster import Cluster
from dev.kubeconfigs import token_kubeconfig
from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support import chart
from tests.support.chart import FOLDER, VALUE_FILES, Json, is_hook, named, of_kind, rendered
from tests.support.require import require
from watchbill.api.group import DEFAULT_OPERATOR_USER
from watchbill.api.kinds import KINDS

pytestmark = pytest.mark.cluster

IN_FORCE_SECONDS = 60.0
WORKS_HERE = ("shop", "platform")
"""The namespaces of ci/namespaced-values.yaml."""


@dataclass(frozen=True)
class Release:
    """The release `watchbill` in the namespace of that name."""

    cluster: Cluster
    directory: Path

    def helm(self, command: str, *arguments: str) -> str:
        """What Helm says; the test fails where it refuses."""
        where = ("watchbill", *arguments, "--namespace=watchbill")
        answer = chart.helm(*command.split(), *where, kubeconfig=str(self.cluster.kubeconfig))
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> CompletedProcess[str]:
        """What kubectl answered as the administrator."""
        return self.cluster.run_kubectl(*arguments, stdin=stdin)

    def names(self, kinds: str) -> list[str]:
        """What there is of some kinds in the whole cluster, by name."""
        return self.kubectl("get", kinds, "--all-namespaces", "--output=name").stdout.split()

    def token(self, account: str) -> str:
        """A token of an account of the release's namespace."""
        return self.kubectl("create", "token", account, "--namespace=watchbill").stdout.strip()

    def lets_false_names_through(self) -> str | None:
        """A complaint until an Incident in somebody else's name is refused."""
        return probe.false_name_is_let_through(self.cluster.access.client())


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A control plane of its own, for it loses its policies; Watchbill is installed from the files."""
    require(find_helm(os.environ) is not None, "Helm: `python -m dev helm` builds it")
    require(find_assets(os.environ) is not None, "kube-apiserver, etcd and kubectl: `python -m dev build`")
    require(not kind_is_asked_for(os.environ), "a control plane of its own, which kind has one of")
    directory = tmp_path_factory.mktemp("chart")
    with Cluster(directory / "cluster") as cluster:
        made = Release(cluster, directory)
        for name in (*WORKS_HERE, "restricted"):
            made.kubectl("create", "namespace", name)
        yield made


@pytest.mark.convention(38)
def test_what_was_installed_from_files_is_taken_over_by_a_release_that_asks_for_it(release: Release):
    notes = release.helm("install", str(FOLDER), "--take-ownership")
    assert "helm test watchbill --namespace watchbill" in notes
    assert "WARNING: lastResort is not set" in notes
    found = release.kubectl("get", "--filename=-", "--output=name", stdin=release.helm("get manifest"))
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.split()) == len([each for each in rendered() if not is_hook(each)])


@pytest.mark.convention(42)
def test_an_upgrade_leaves_no_difference(release: Release):
    release.helm("upgrade", str(FOLDER))
    answer = release.kubectl("diff", "--filename=-", stdin=release.helm("get manifest"))
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr


@pytest.mark.convention(31)
def test_uninstalled_it_leaves_the_definitions_and_what_people_declared(release: Release):
    spec = "{title: Checkout fails, severity: SEV-2, classRef: {name: none}, affected: [{service: checkout}]}"
    incident = f"apiVersion: watchbill.dev/v1alpha1\nkind: Incident\nmetadata: {{name: kept}}\nspec: {spec}\n"
    made = release.kubectl("create", "--namespace=shop", "--filename=-", stdin=incident)
    assert made.returncode == 0, made.stderr
    release.helm("uninstall")
    assert len([name for name in release.names("crd") if name.endswith(".watchbill.dev")]) == len(KINDS)
    assert release.names("incidents") == ["incident.watchbill.dev/kept"]
    policies = "validatingadmissionpolicies,mutatingadmissionpolicies,clusterroles,deployments"
    assert [name for name in release.names(policies) if "/watchbill" in name] == []


def test_installed_again_it_takes_the_definitions_back_and_checks_who_acts(release: Release):
    release.helm("install", str(FOLDER))
    wait_until(release.lets_false_names_through, IN_FORCE_SECONDS)
    assert release.names("incidents") == ["incident.watchbill.dev/kept"]


@pytest.mark.convention(30)
@pytest.mark.parametrize("file", VALUE_FILES)
def test_the_api_server_takes_every_object_as_it_is(release: Release, file: str):
    # What the Prometheus Operator defines is not served here.
    objects = [o for o in rendered(file=file) if o["apiVersion"] != "monitoring.coreos.com/v1"]
    assert of_kind(objects, "Deployment", "Pod", "EscalationPolicy")
    answer = release.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"),
        "--filename=-",
        stdin=yaml.safe_dump_all(objects),
    )
    assert answer.returncode == 0, answer.stderr
    assert len(answer.stdout.splitlines()) == len(objects)


@pytest.mark.convention(32)
@pytest.mark.parametrize("file", VALUE_FILES)
def test_a_namespace_that_enforces_restricted_takes_the_pods(release: Release, file: str):
    enforce = "pod-security.kubernetes.io/enforce=restricted"
    release.kubectl("label", "namespace", "restricted", enforce, "--overwrite")
    objects = rendered(file=file)
    specs = [each["spec"]["template"]["spec"] for each in of_kind(objects, "Deployment")]
    specs += [each["spec"] for each in of_kind(objects, "Pod")]
    for spec in specs:
        assert _restricted(release, spec) == ""
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert 'violates PodSecurity "restricted' in _restricted(release, spec)


def test_in_few_namespaces_the_operator_handles_what_helm_test_declares(release: Release):
    values = (f"--values={FOLDER / 'ci/namespaced-values.yaml'}", "--set=egress.denyPrivate=false")
    release.helm("upgrade", str(FOLDER), *values)
    objects = rendered("egress.denyPrivate=false", file="namespaced-values.yaml")
    hooks = [each for each in objects if is_hook(each)]
    (pod,) = of_kind(hooks, "Pod")
    others = yaml.safe_dump_all([each for each in hooks if each is not pod])
    made = release.kubectl("apply", "--filename=-", stdin=others)
    assert made.returncode == 0, made.stderr
    (container,) = named(objects, "Deployment", "watchbill")["spec"]["template"]["spec"]["containers"]
    account = release.directory / "operator.kubeconfig"
    token_kubeconfig(release.cluster.access, account, DEFAULT_OPERATOR_USER, release.token("watchbill"))
    log = release.directory / "operator.log"
    with OperatorProcess(account, log, *container["args"][1:]) as operator:
        assert _tested(release, pod).splitlines()[1:] == ["paged: yes", "Cancelled: yes"]
        asked = operator.http("/metrics")
        assert 'code="200"' in asked
        assert 'code="403"' not in asked
    assert release.names("incidents") == ["incident.watchbill.dev/kept"]


def _restricted(release: Release, spec: Json) -> str:
    """Why a pod is refused; the empty text where it is taken."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asked"}, "spec": spec}
    words = ("create", "--namespace=restricted", "--dry-run=server", "--validate=strict", "--filename=-")
    return release.kubectl(*words, stdin=json.dumps(pod)).stderr


def _tested(release: Release, pod: Json) -> str:
    """What the pod of `helm test` prints, run as a process under its own account."""
    place = release.directory / "account"
    place.mkdir()
    access = release.cluster.access
    (place / "token").write_text(release.token(pod["spec"]["serviceAccountName"]))
    (place / "ca.crt").write_bytes(access.authority.certificate.read_bytes())
    host, port = access.url.removeprefix("https://").split(":")
    (container,) = pod["spec"]["containers"]
    around = {
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "ACCOUNT_DIRECTORY": str(place),
    }
    around |= {each["name"]: each["value"] for each in container["env"]}
    command = [sys.executable, *container["command"][1:], *container["args"]]
    answer = subprocess.run(command, env=os.environ | around, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout
