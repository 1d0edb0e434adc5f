"""The pods: restricted by default, two of them, and all that can be switched on beside them."""

import inspect
from typing import Any

import pytest
import yaml

from tests.support.chart import FOLDER, VALUE_FILES, Json, named, of_kind, rendered
from watchbill.cli.run import run

SAFE_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
"""The kinds of volume that the Pod Security Standard `restricted` allows."""


def pods(objects: list[Json]) -> list[Json]:
    """The specs of the operator's pods and of the test's."""
    templates = [each["spec"]["template"]["spec"] for each in of_kind(objects, "Deployment")]
    return templates + [each["spec"] for each in of_kind(objects, "Pod")]


def operator(objects: list[Json]) -> Json:
    found: Json = named(objects, "Deployment", "watchbill")["spec"]["template"]["spec"]
    return found


def arguments(objects: list[Json]) -> list[str]:
    (container,) = operator(objects)["containers"]
    return list(container["args"])


@pytest.mark.convention(32)
@pytest.mark.parametrize("file", VALUE_FILES)
def test_every_pod_is_restricted(file: str):
    found = pods(rendered(file=file))
    assert len(found) == 2
    for pod in found:
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        assert all(set(volume) - {"name"} <= SAFE_VOLUMES for volume in pod.get("volumes", []))
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert not any("hostPort" in port for port in container.get("ports", []))
        assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.convention(36)
def test_two_replicas_of_which_one_may_be_evicted_stand_on_different_nodes_where_they_can():
    objects = rendered()
    assert named(objects, "Deployment", "watchbill")["spec"]["replicas"] == 2
    selector = named(objects, "Deployment", "watchbill")["spec"]["selector"]
    budget = named(objects, "PodDisruptionBudget", "watchbill")["spec"]
    assert (budget["maxUnavailable"], budget["selector"]) == (1, selector)
    (spread,) = operator(objects)["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["labelSelector"]) == ("kubernetes.io/hostname", selector)


def test_the_pods_uid_is_known_to_the_operator_as_its_identity():
    (container,) = operator(rendered())["containers"]
    uid = {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}
    assert container["env"] == [uid]
    assert "args" in container
    assert "command" not in container


def test_the_kubelet_asks_what_the_operator_serves():
    (container,) = operator(rendered())["containers"]
    probes = {
        name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")
    }
    assert probes == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    port = inspect.signature(run).parameters["health_address"].default
    assert [f":{each['containerPort']}" for each in container["ports"]] == [port]


@pytest.mark.parametrize("file", VALUE_FILES)
def test_every_argument_is_an_option_of_the_command(file: str):
    options = {f"--{name.replace('_', '-')}" for name in inspect.signature(run).parameters}
    command, *flags = arguments(rendered(file=file))
    assert command == "run"
    assert {flag.partition("=")[0] for flag in flags} <= options


def test_a_release_says_where_it_runs_and_what_it_watches():
    assert arguments(rendered(file="namespaced-values.yaml"))[1:] == [
        "--namespace=watchbill",
        "--service-account=watchbill",
        "--log-level=INFO",
        "--overdue-after=60s",
        "--heartbeat-interval=30s",
        "--watch-namespace=shop",
        "--watch-namespace=platform",
        "--egress-deny-private",
    ]


def test_what_is_private_may_be_sent_to_only_where_that_is_allowed():
    allowed = [each for each in arguments(rendered(file="full-values.yaml")) if "egress" in each]
    hosts = ("10.1.2.0/24", "fd00::/8", "mail.example.com")
    assert allowed == ["--egress-deny-private", *(f"--egress-allow={each}" for each in hosts)]
    off = rendered("egress.denyPrivate=false", "egress.allow={10.0.0.0/8}")
    assert not any("egress" in each for each in arguments(off))


def test_the_heartbeats_url_comes_from_a_secret_and_stands_nowhere_else():
    (container,) = operator(rendered("heartbeat.secretRef.name=beat"))["containers"]
    reference = {"secretKeyRef": {"name": "beat", "key": "url"}}
    assert container["env"][1] == {"name": "WATCHBILL_HEARTBEAT_URL", "valueFrom": reference}


SWITCHES = {
    "a ServiceMonitor": ("metrics.serviceMonitor.enabled", "ServiceMonitor", False),
    "a PodMonitor": ("metrics.podMonitor.enabled", "PodMonitor", False),
    "the alerts": ("metrics.prometheusRule.enabled", "PrometheusRule", False),
    "the dashboard": ("metrics.dashboard.enabled", "ConfigMap", False),
    "a NetworkPolicy": ("networkPolicy.enabled", "NetworkPolicy", False),
    "a Service": ("metrics.service.enabled", "Service", True),
    "a PodDisruptionBudget": ("podDisruptionBudget.enabled", "PodDisruptionBudget", True),
}


@pytest.mark.convention(36)
@pytest.mark.parametrize("what", SWITCHES)
def test_one_value_switches(what: str):
    value, kind, by_default = SWITCHES[what]
    assert len(of_kind(rendered(), kind)) == by_default
    assert len(of_kind(rendered(f"{value}={str(not by_default).lower()}"), kind)) == (not by_default)


@pytest.mark.parametrize(
    ("kind", "endpoints", "selects"),
    [("ServiceMonitor", "endpoints", "Service"), ("PodMonitor", "podMetricsEndpoints", "Deployment")],
)
def test_a_monitor_finds_what_it_reads(kind: str, endpoints: str, selects: str):
    objects = rendered(file="full-values.yaml")
    monitor = named(objects, kind, "watchbill")
    (found,) = of_kind(objects, selects)
    read = found if selects == "Service" else found["spec"]["template"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= read["metadata"]["labels"].items()
    assert monitor["spec"][endpoints] == [{"port": "metrics", "interval": "30s", "honorLabels": True}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_the_alerts_and_the_dashboard_are_the_files_of_the_chart():
    objects = rendered(file="full-values.yaml")
    (rule,) = of_kind(objects, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((FOLDER / "files/alerts.yaml").read_text())
    dashboard = named(objects, "ConfigMap", "watchbill-dashboard")
    assert (
        dashboard["data"]["watchbill.json"].strip() == (FOLDER / "files/dashboard.json").read_text().strip()
    )


def test_an_alert_leads_to_where_its_page_is_served():
    served = "https://git.example.com/watchbill/docs/alerts"
    options = ("metrics.prometheusRule.enabled=true", f"metrics.prometheusRule.runbookUrl={served}/")
    (rule,) = of_kind(rendered(*options), "PrometheusRule")
    alerts = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert {alert["annotations"]["runbook_url"] for alert in alerts} == {
        f"{served}/{alert['alert']}.md" for alert in alerts
    }


def test_the_network_lets_through_names_the_api_server_vendors_and_what_is_listed():
    policy = named(rendered(file="full-values.yaml"), "NetworkPolicy", "watchbill")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports: list[Any] = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 443, 6443, 587]
    assert policy["ingress"][0]["ports"] == [{"port": "metrics"}]
    assert policy["ingress"][0]["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]


def test_the_pods_stand_where_the_values_say():
    objects = rendered(file="full-values.yaml")
    values = yaml.safe_load((FOLDER / "ci/full-values.yaml").read_text())
    pod = operator(objects)
    for key in ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName"):
        assert pod[key] == values[key]
    assert pod["volumes"] == values["extraVolumes"]
    assert pod["containers"][0]["volumeMounts"] == values["extraVolumeMounts"]
    assert pod["containers"][0]["env"][-1] == values["extraEnv"][0]
    assert named(objects, "ConfigMap", "watchbill-extra")["data"] == {"note": "of the owner"}


@pytest.mark.parametrize(
    ("sets", "image"),
    [
        ((), "watchbill:0.1.0"),
        (("image.registry=r.example.com", "image.tag=edge"), "r.example.com/watchbill:edge"),
        ((f"image.digest=sha256:{'a' * 64}", "image.tag=edge"), f"watchbill@sha256:{'a' * 64}"),
    ],
)
def test_the_image_is_named_by_its_tag_or_its_digest(sets: tuple[str, ...], image: str):
    assert {pod["containers"][0]["image"] for pod in pods(rendered(*sets))} == {image}
