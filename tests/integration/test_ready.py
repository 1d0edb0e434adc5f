"""References and Ready with a running operator, and what GitOps tools make of them."""

import json
import re
import shlex
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dev.layout import REPOSITORY
from dev.waiting import wait_until
from tests.integration.rule_cases import manifest
from tests.support import argocd
from tests.support.kstatus import kstatus
from tests.support.kubectl import Kubectl
from watchbill.api.group import API_VERSION
from watchbill.cli.main import app

pytestmark = pytest.mark.cluster

AT_ONCE = "--timeout=5s"
"""How soon Ready must say what is so."""

GIT_KINDS = ("connection", "escalationpolicy", "incidentclass", "runbook")
Json = dict[str, Any]


def apply(kubectl: Kubectl, namespace: str, *objects: Json) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("apply", "--namespace", namespace, "--filename=-", input=json.dumps(items))


def found(kubectl: Kubectl, namespace: str, what: str) -> Json:
    output = kubectl("get", what, "--namespace", namespace, "--output=json", "--show-managed-fields").stdout
    thing: Json = json.loads(output)
    return thing


def ready(kubectl: Kubectl, namespace: str, what: str, status: str) -> Json:
    """The condition Ready, once it has this status for the newest generation; 5 s are allowed for it."""
    kubectl("wait", what, "--namespace", namespace, f"--for=condition=Ready={status}", AT_ONCE)
    (condition,) = found(kubectl, namespace, what)["status"]["conditions"]
    return dict(condition)


def ready_for(kubectl: Kubectl, namespace: str, what: str, reason: str) -> Json:
    """The condition Ready, once it gives this reason; 5 s are allowed for it."""

    def complaint() -> str | None:
        conditions = found(kubectl, namespace, what).get("status", {}).get("conditions", [])
        return None if [each for each in conditions if each["reason"] == reason] else f"{conditions}"

    wait_until(complaint, seconds=5)
    (condition,) = found(kubectl, namespace, what)["status"]["conditions"]
    return dict(condition)


def policy(*connections: str, **more: Any) -> Json:
    targets = [{"connectionRef": {"name": name}} for name in connections]
    level = {"name": "one", "escalateAfter": "5m", "targets": targets}
    return manifest(
        "EscalationPolicy", {"levels": [level], "lastResort": {"targets": targets}} | more, "primary"
    )


def incident_class(namespace: str, name: str) -> Json:
    """A class of this name whose policy is `primary` of the namespace, and which closes at once."""
    row = {
        "name": "SEV-1",
        "rank": 1,
        "reopenWindow": "1s",
        "postmortem": {"policy": "None"},
        "escalation": {"policyName": "primary"},
    }
    reference = {"name": "primary", "namespace": namespace}
    spec = {"severities": [row], "defaultEscalation": {"policyRef": reference}}
    return manifest("IncidentClass", spec, name)


def class_name(namespace: str) -> str:
    """The name of this test's own class: classes have no namespace."""
    return f"class-{namespace[-8:]}"


def lint(folder: Path, **objects: Json) -> tuple[int, str]:
    """The exit code and the output of `watchbill lint` for objects, each in a file of its name."""
    for name, thing in objects.items():
        (folder / f"{name}.yaml").write_text(json.dumps(thing, indent=1))
    result = CliRunner().invoke(app, ["lint", str(folder)])
    return result.exit_code, result.stdout


TARGET = {"connectionRef": {"name": "pager"}}
LEVEL = {"name": "one", "escalateAfter": "5m", "targets": [TARGET]}
REFUSED = {
    "a policy without lastResort": ("EscalationPolicy", {"lastResort": None}, "spec.lastResort"),
    "a policy without levels": ("EscalationPolicy", {"levels": []}, "spec.levels"),
    "a level without targets": (
        "EscalationPolicy",
        {"levels": [LEVEL | {"targets": []}]},
        "spec.levels[0].targets",
    ),
    "a level with a target twice": (
        "EscalationPolicy",
        {"levels": [LEVEL | {"targets": [TARGET, TARGET]}]},
        "spec.levels[0].targets",
    ),
    "two levels of one name": ("EscalationPolicy", {"levels": [LEVEL, LEVEL]}, "spec.levels[1]"),
    "a level that waits too long": (
        "EscalationPolicy",
        {"levels": [LEVEL | {"escalateAfter": "25h"}]},
        "spec.levels[0].escalateAfter",
    ),
    "a duration that is none": (
        "EscalationPolicy",
        {"levels": [LEVEL | {"escalateAfter": "5 minutes"}]},
        "spec.levels[0].escalateAfter",
    ),
    "a field with a typo": (
        "EscalationPolicy",
        {"levels": [LEVEL | {"escalateafter": "5m"}]},
        "spec.levels[0].escalateafter",
    ),
    "two severities of one rank": (
        "IncidentClass",
        {"severities": [{"name": "SEV-1", "rank": 1}, {"name": "SEV-2", "rank": 1}]},
        "spec.severities",
    ),
    "a class without a policy of last recourse": (
        "IncidentClass",
        {"defaultEscalation": None},
        "spec.defaultEscalation",
    ),
    "a connection of two vendors": ("Connection", {"webhook": {"url": "https://example.com"}}, "spec"),
    "a webhook without a URL": ("Connection", {"console": None, "webhook": {}}, "spec.webhook"),
    "a URL that is none": (
        "Connection",
        {"console": None, "webhook": {"url": "example.com"}},
        "spec.webhook.url",
    ),
    "an incident without a title": ("Incident", {"title": None}, "spec.title"),
    "an incident cancelled without a reason": (
        "Incident",
        {"state": "Cancelled", "setBy": {"state": "admin"}},
        "spec.stateReason",
    ),
}
"""A kind, what is wrong with its spec, and the path that must be named."""


@pytest.mark.feature("F62")
@pytest.mark.parametrize(("kind", "change", "path"), REFUSED.values(), ids=REFUSED)
def test_what_one_object_shows_is_refused_with_its_path_and_found_offline(
    kubectl: Kubectl, namespace: str, tmp_path: Path, kind: str, change: Json, path: str
):
    thing = manifest(kind, change)
    answer = kubectl("create", "--namespace", namespace, "--filename=-", input=json.dumps(thing), check=False)
    assert answer.returncode == 1
    assert re.search(rf"(^|[^\w.]){re.escape(path)}($|[^\w.\[])", answer.stderr), answer.stderr
    exit_code, output = lint(tmp_path, example=thing)
    assert exit_code == 1
    assert re.search(rf"/example.yaml:[0-9]+ {kind}/(default/)?example {re.escape(path)}: ", output), output


@pytest.mark.feature("F62")
def test_a_missing_connection_is_told_with_its_path_found_offline_and_heals(
    kubectl: Kubectl, operator: Any, namespace: str, tmp_path: Path
):
    wanted = policy("pager")
    path = "spec.levels[0].targets[0].connectionRef"
    apply(kubectl, namespace, wanted)
    condition = ready(kubectl, namespace, "escalationpolicy/primary", "False")
    assert condition["reason"] == "RefNotFound"
    assert condition["message"].startswith(f"{path}: Connection {namespace}/pager does not exist")
    exit_code, output = lint(tmp_path, primary=wanted)
    assert exit_code == 1
    assert "/primary.yaml:" in output
    assert f" EscalationPolicy/default/primary {path}: Connection default/pager does not exist" in output

    apply(kubectl, namespace, manifest("Connection", {}, "pager"))
    assert ready(kubectl, namespace, "escalationpolicy/primary", "True")["reason"] == "ResolvedRefs"
    assert lint(tmp_path, pager=manifest("Connection", {}, "pager"))[0] == 0

    kubectl("delete", "connection", "pager", "--namespace", namespace, "--wait=false")
    assert ready(kubectl, namespace, "escalationpolicy/primary", "False")["reason"] == "RefNotFound"


@pytest.mark.feature("F62")
def test_a_class_says_what_its_policy_lacks_and_heals(
    kubectl: Kubectl, operator: Any, namespace: str, tmp_path: Path
):
    name = class_name(namespace)
    what, path = f"incidentclass/{name}", "spec.defaultEscalation.policyRef"
    apply(kubectl, namespace, incident_class(namespace, name), manifest("Connection", {}, "pager"))
    missing = ready(kubectl, namespace, what, "False")
    assert missing["reason"] == "RefNotFound"
    assert missing["message"].startswith(f"{path}: EscalationPolicy {namespace}/primary does not exist")
    exit_code, output = lint(tmp_path, service=incident_class(namespace, name))
    assert exit_code == 1
    assert re.search(rf"/service.yaml:[0-9]+ IncidentClass/{name} {re.escape(path)}: ", output), output

    apply(kubectl, namespace, policy("pager"))
    refused = ready_for(kubectl, namespace, what, "RefNotPermitted")
    assert refused["message"].startswith(f"{path}: ")
    assert f"must list {name} in its spec.allowedClasses" in refused["message"]

    apply(kubectl, namespace, policy("pager", allowedClasses=[name]))
    assert ready(kubectl, namespace, what, "True")["reason"] == "ResolvedRefs"
    kubectl("delete", what)


@pytest.mark.feature("F62")
def test_a_class_says_what_is_wrong_with_the_name_of_a_channel_and_heals(
    kubectl: Kubectl, operator: Any, namespace: str, tmp_path: Path
):
    name = class_name(namespace)
    what, path = f"incidentclass/{name}", "spec.severities[0].response.channel.nameTemplate"
    wanted = incident_class(namespace, name)
    channel = {"connectionRef": {"name": "slack", "namespace": namespace}, "nameTemplate": "{{ incident.x }}"}
    wanted["spec"]["severities"][0]["response"] = {"channel": channel}
    apply(kubectl, namespace, wanted)
    wrong = ready(kubectl, namespace, what, "False")
    assert wrong["reason"] == "InvalidSpec"
    assert wrong["message"].startswith(f"{path}: `incident.x` is not known; known are incident.createdDate, ")
    exit_code, output = lint(tmp_path, service=wanted)
    assert exit_code == 1
    assert re.search(rf"/service.yaml:[0-9]+ IncidentClass/{name} {re.escape(path)}: `incident.x` is", output)

    channel["nameTemplate"] = "{{ incident.name }}"
    apply(kubectl, namespace, wanted)
    ready_for(kubectl, namespace, what, "RefNotFound")
    assert path not in lint(tmp_path, service=wanted)[1]
    kubectl("delete", what)


@pytest.mark.feature("F62")
def test_a_connection_of_another_namespace_is_used_only_where_it_grants_that(
    kubectl: Kubectl, operator: Any, namespace: str
):
    other = f"{namespace[:50].rstrip('-')}-other"
    kubectl("create", "namespace", other)
    foreign = {"connectionRef": {"name": "pager", "namespace": other}}
    apply(
        kubectl, namespace, policy(levels=[LEVEL | {"targets": [foreign]}], lastResort={"targets": [foreign]})
    )
    missing = ready(kubectl, namespace, "escalationpolicy/primary", "False")
    assert missing["reason"] == "RefNotPermitted"

    apply(kubectl, other, manifest("Connection", {}, "pager"))
    kubectl("wait", "connection/pager", "--namespace", other, "--for=condition=Ready", AT_ONCE)
    assert ready(kubectl, namespace, "escalationpolicy/primary", "False") == missing

    grant = {"from": "Names", "names": [namespace]}
    apply(kubectl, other, manifest("Connection", {"allowedNamespaces": grant}, "pager"))
    assert ready(kubectl, namespace, "escalationpolicy/primary", "True")["reason"] == "ResolvedRefs"


@pytest.mark.feature("F62")
def test_a_connection_says_the_command_that_lets_its_secret_be_read_and_heals_step_by_step(
    kubectl: Kubectl, operator: Any, namespace: str
):
    hook = {"console": None, "webhook": {"urlSecretRef": {"name": "hook", "key": "url"}}}
    what, path = "connection/hook", "spec.webhook.urlSecretRef"
    apply(kubectl, namespace, manifest("Connection", hook, "hook"))
    forbidden = ready(kubectl, namespace, what, "False")
    assert forbidden["reason"] == "SecretForbidden"
    assert forbidden["message"].startswith(f"{path}: ")
    (command,) = re.findall(r"kubectl (.*create rolebinding .*--serviceaccount=\S+)", forbidden["message"])
    kubectl(*shlex.split(command))

    missing = ready_for(kubectl, namespace, what, "SecretNotFound")
    assert missing["message"].startswith(f"{path}: ")
    secret = ("secret", "hook", "--namespace", namespace)
    kubectl("create", "secret", "generic", *secret[1:], "--from-literal=other=x")
    assert ready_for(kubectl, namespace, what, "SecretKeyMissing")["status"] == "False"
    patch = "--patch=" + json.dumps({"stringData": {"url": "example.com/s3cret"}})
    kubectl("patch", *secret, "--type=merge", patch)
    wrong = ready_for(kubectl, namespace, what, "InvalidURL")
    assert "s3cret" not in wrong["message"]
    patch = "--patch=" + json.dumps({"stringData": {"url": "https://example.com/s3cret"}})
    kubectl("patch", *secret, "--type=merge", patch)
    assert ready(kubectl, namespace, what, "True")["reason"] == "ResolvedRefs"
    assert "s3cret" not in operator.log_text()


@pytest.mark.feature("F62")
def test_an_update_of_no_incident_is_told_with_its_path_and_heals(
    kubectl: Kubectl, operator: Any, namespace: str
):
    apply(kubectl, namespace, manifest("IncidentUpdate", {}, "first"))
    missing = ready(kubectl, namespace, "incidentupdate/first", "False")
    assert missing["reason"] == "IncidentNotFound"
    assert missing["message"].startswith(f"spec.incidentRef: Incident {namespace}/checkout does not exist")
    apply(kubectl, namespace, manifest("Incident", {"mode": "Drill"}, "checkout"))
    assert ready(kubectl, namespace, "incidentupdate/first", "True")["reason"] == "Posted"


@pytest.fixture
def everything(kubectl: Kubectl, operator: Any, namespace: str) -> list[Json]:
    """One object of each kind that Git owns, applied, and Ready."""
    name = class_name(namespace)
    objects = [
        manifest("Connection", {}, "pager"),
        policy("pager", allowedClasses=[name]),
        incident_class(namespace, name),
        manifest("Runbook", {}, "wait"),
    ]
    apply(kubectl, namespace, *objects)
    for kind, thing in zip(GIT_KINDS, objects, strict=True):
        ready(kubectl, namespace, f"{kind}/{thing['metadata']['name']}", "True")
    return objects


def places(objects: list[Json]) -> list[str]:
    return [f"{thing['kind'].lower()}/{thing['metadata']['name']}" for thing in objects]


@pytest.mark.feature("F63")
def test_every_git_owned_kind_is_current_for_the_generation_it_was_judged_by(
    kubectl: Kubectl, namespace: str, everything: list[Json]
):
    for what in places(everything):
        thing = found(kubectl, namespace, what)
        generation = thing["metadata"]["generation"]
        assert thing["status"]["observedGeneration"] == generation == 1
        assert [each["observedGeneration"] for each in thing["status"]["conditions"]] == [generation]
        assert kstatus(thing) == "Current"


@pytest.mark.feature("F63")
def test_a_changed_spec_is_judged_anew(kubectl: Kubectl, namespace: str, everything: list[Json]):
    apply(kubectl, namespace, policy("gone"))
    ready(kubectl, namespace, "escalationpolicy/primary", "False")
    thing = found(kubectl, namespace, "escalationpolicy/primary")
    assert thing["status"]["observedGeneration"] == thing["metadata"]["generation"] == 2
    assert kstatus(thing) == "InProgress"


@pytest.mark.feature("F63")
def test_an_object_that_waits_for_another_is_in_progress_and_never_failed(
    kubectl: Kubectl, operator: Any, namespace: str
):
    name = class_name(namespace)
    hook = {"console": None, "webhook": {"urlSecretRef": {"name": "hook", "key": "url"}}}
    objects = [manifest("Connection", hook, "hook"), policy("gone"), incident_class(namespace, name)]
    apply(kubectl, namespace, *objects)
    for what in places(objects):
        ready(kubectl, namespace, what, "False")
        assert kstatus(found(kubectl, namespace, what)) == "InProgress"
    kubectl("delete", f"incidentclass/{name}")


@pytest.fixture
def argocd_cm(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """The data of an `argocd-cm`, patched with what we ship as its how-to says."""
    kubectl("create", "configmap", "argocd-cm", "--namespace", namespace, "--from-literal=url=kept")
    for file in argocd.PATCHES:
        patch = f"--patch-file={argocd.FOLDER / file}"
        kubectl("patch", "configmap", "argocd-cm", "--namespace", namespace, "--type=merge", patch)
    data: dict[str, str] = found(kubectl, namespace, "configmap/argocd-cm")["data"]
    assert data == {"url": "kept"} | argocd.shipped() | argocd.shipped("actions.yaml")
    return data


@pytest.mark.feature("F63")
@pytest.mark.convention(40)
def test_what_an_action_of_argo_cd_suspends_is_current_and_shown_so_until_one_resumes_it(
    kubectl: Kubectl, namespace: str, everything: list[Json], argocd_cm: dict[str, str]
):
    turns = (("suspend", "Suspended", "Suspended"), ("resume", "ResolvedRefs", "Healthy"))
    for what, (action, reason, shown) in product(("escalationpolicy/primary", "runbook/wait"), turns):
        spec = argocd.acted(action, found(kubectl, namespace, what), argocd_cm)["spec"]
        patch = "--patch=" + json.dumps({"spec": {"suspend": spec["suspend"]}})
        kubectl("patch", what, "--namespace", namespace, "--type=merge", patch)
        condition = ready_for(kubectl, namespace, what, reason)
        thing = found(kubectl, namespace, what)
        assert (condition["status"], kstatus(thing)) == ("True", "Current")
        assert argocd.health(thing, argocd_cm) == (shown, condition["message"])


@pytest.mark.feature("F63")
def test_argo_cd_shows_what_is_ready_as_healthy_what_lacks_something_as_degraded_and_it_heals(
    kubectl: Kubectl, namespace: str, everything: list[Json], argocd_cm: dict[str, str]
):
    def shown(what: str) -> tuple[str, str]:
        return argocd.health(found(kubectl, namespace, what), argocd_cm)

    for what in places(everything):
        message = ready(kubectl, namespace, what, "True")["message"]
        assert shown(what) == ("Healthy", message)

    apply(kubectl, namespace, policy("gone"))
    ready(kubectl, namespace, "escalationpolicy/primary", "False")
    status, message = shown("escalationpolicy/primary")
    assert status == "Degraded"
    assert f"Connection {namespace}/gone does not exist" in message

    apply(kubectl, namespace, manifest("Connection", {}, "gone"))
    ready(kubectl, namespace, "escalationpolicy/primary", "True")
    assert shown("escalationpolicy/primary")[0] == "Healthy"


@pytest.mark.feature("F63")
def test_an_incident_is_current_and_healthy_in_every_phase(
    kubectl: Kubectl, namespace: str, everything: list[Json]
):
    reference = {"name": class_name(namespace)}
    what = "incident/checkout"
    apply(kubectl, namespace, manifest("Incident", {"classRef": reference}, "checkout"))

    def reaches(condition: str, phases: set[str]) -> None:
        kubectl("wait", what, "--namespace", namespace, f"--for=condition={condition}", "--timeout=10s")
        thing = found(kubectl, namespace, what)
        assert thing["status"]["phase"] in phases
        assert thing["status"]["observedGeneration"] == thing["metadata"]["generation"]
        assert kstatus(thing) == "Current"
        assert argocd.health(thing, argocd.shipped()) == ("Healthy", thing["status"]["phase"])

    def says(spec: Json) -> None:
        patch = "--patch=" + json.dumps({"spec": spec})
        kubectl("patch", what, "--namespace", namespace, "--type=merge", patch)

    reaches("Accepted", {"Triggered"})
    says({"acknowledgedBy": {"admin": {}}})
    reaches("Acknowledged", {"Acknowledged"})
    says({"state": "Mitigated", "stateReason": "rolled back", "setBy": {"state": "admin"}})
    reaches("Mitigated", {"Mitigated"})
    says({"state": "Resolved", "stateReason": "fixed", "setBy": {"state": "admin"}})
    reaches("Resolved", {"Resolved", "Closed"})
    reaches("Closed", {"Closed"})


@pytest.mark.feature("F63")
def test_the_operator_writes_no_spec_of_what_git_owns(
    kubectl: Kubectl, namespace: str, everything: list[Json]
):
    for what in places(everything):
        thing = found(kubectl, namespace, what)
        assert thing["metadata"]["generation"] == 1
        entries = thing["metadata"]["managedFields"]
        by_operator = [each for each in entries if each.get("subresource") == "status"]
        assert [list(each["fieldsV1"]) for each in by_operator] == [["f:status"]]
        (manager,) = {each["manager"] for each in by_operator}
        others = [each["manager"] for each in entries if each not in by_operator]
        assert others
        assert manager not in others


@pytest.mark.convention(42)
@pytest.mark.feature("F63")
@pytest.mark.parametrize("how", ["--server-side=false", "--server-side=true"])
def test_what_was_applied_shows_no_difference_when_it_is_applied_again(
    kubectl: Kubectl, namespace: str, everything: list[Json], how: str
):
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": everything})
    words = ("--namespace", namespace, "--filename=-")
    if how.endswith("true"):
        kubectl("apply", "--server-side", "--force-conflicts", *words, input=items)
    difference = kubectl("diff", how, *words, input=items, check=False)
    assert (difference.returncode, difference.stdout) == (0, ""), difference.stderr


WRITTEN_ONCE = ("Incident", "Namespace")
"""What people declare, and what the test has made itself."""
EXAMPLES = ("demo", "gitops/platform", "gitops/teams", "providers", "runbooks")


def examples(folder: str, namespace: str) -> list[Json]:
    """What is in a folder of examples, in this namespace, with its class under a name of the test's own."""
    found = []
    for file in sorted((REPOSITORY / "examples" / folder).rglob("*.yaml")):
        text = file.read_text(encoding="utf-8").replace("namespace: shop", f"namespace: {namespace}")
        for thing in yaml.safe_load_all(text.replace("[service]", f"[{class_name(namespace)}]")):
            if thing["kind"] in WRITTEN_ONCE:
                continue
            if thing["kind"] == "IncidentClass":
                # Not the default of the tests beside this one.
                thing["metadata"] = {"name": f"{class_name(namespace)}-{folder.replace('/', '-')}"}
            elif thing["kind"] not in ("ClusterRole", "ClusterRoleBinding"):
                thing["metadata"].setdefault("namespace", namespace)
            found.append(thing)
    return found


@pytest.mark.convention(42)
@pytest.mark.feature("F63")
def test_every_example_shows_no_difference_once_it_was_applied_and_judged(
    kubectl: Kubectl, operator: Any, namespace: str
):
    spaces = {folder: f"{namespace[-8:]}-{folder.replace('/', '-')}" for folder in EXAMPLES}
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in spaces.values()]
    objects = [each for folder, space in spaces.items() for each in examples(folder, space)]
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*made, *objects]})
    kubectl("apply", "--server-side", "--filename=-", input=items)
    ours = {(each["kind"], each["metadata"]["name"]) for each in objects if each["apiVersion"] == API_VERSION}
    assert {kind.lower() for kind, _ in ours} == set(GIT_KINDS)

    def unjudged() -> str | None:
        listed = kubectl("get", ",".join(GIT_KINDS), "--all-namespaces", "--output=json").stdout
        for thing in json.loads(listed)["items"]:
            if (thing["kind"], thing["metadata"]["name"]) in ours and "observedGeneration" not in thing.get(
                "status", {}
            ):
                return f"{thing['kind']} {thing['metadata']['name']} is not judged."
        return None

    wait_until(unjudged, seconds=10)
    difference = kubectl("diff", "--server-side", "--filename=-", input=items, check=False)
    assert (difference.returncode, difference.stdout) == (0, ""), difference.stderr
    kubectl("delete", "incidentclass", *(name for kind, name in ours if kind == "IncidentClass"))
