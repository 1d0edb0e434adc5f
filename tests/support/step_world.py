"""What the steps of `step_cases` act on: workloads that run, routes, an incident with a channel, vendors."""

import json
from typing import Any

import yaml

from dev.receiver import Receiver
from dev.receiver_http import Reaction
from dev.waiting import wait_until
from tests.support.builders import target
from tests.support.kubectl import Kubectl
from tests.support.people import Json
from tests.support.room import channel, furnish
from tests.support.runbook_team import DEPLOYMENT, PATIENCE, Team
from tests.support.step_cases import SAMPLES, SERVERS
from tests.support.team import Team as Pagers
from watchbill.api.group import API_VERSION

GATEWAY = "gateway.networking.k8s.io/v1"
APPS = "apps/v1"
REVISION = "deployment.kubernetes.io/revision"
FLAG_PATH = "/unleash/api/admin/projects/default/features/new-checkout/environments/production"


def sample(kind: str, namespace: str, sink: str) -> Json:
    """The runbook of `examples/runbooks`, but for its namespace, its servers and how long a wait lasts."""
    text = SAMPLES[kind].read_text(encoding="utf-8").replace("duration: 5m", "duration: 2s")
    for server, place in SERVERS.items():
        text = text.replace(server, place.replace("@SINK@", sink))
    found: Json = yaml.safe_load(text)
    found["metadata"]["namespace"] = namespace
    return found


def answers(value: str) -> Reaction:
    """An instant vector of one sample.

    As https://prometheus.io/docs/prometheus/latest/querying/api/ has it, under instant queries and vectors.
    """
    metric = {"service": "checkout", "instance": "checkout-0:8080", "job": "checkout"}
    result = [{"metric": metric, "value": [1435781451.781, value]}]
    return _said(200, {"status": "success", "data": {"resultType": "vector", "result": result}})


def play_servers(receiver: Receiver) -> None:
    """Has the servers of the samples and the cases answer, or not."""
    busy = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
    for name, reaction in (
        ("prometheus", answers("0.01")),
        ("prometheus-high", answers("0.2")),
        ("prometheus-busy", _said(503, busy)),
    ):
        receiver.script(f"/{name}/api/v1/query", reaction)
    receiver.script("/refused", Reaction(status=404))
    receiver.script("/late", Reaction("hang"))
    receiver.script(FLAG_PATH, _said(200, {"name": "production", "enabled": True}))
    receiver.script(f"{FLAG_PATH}/off", Reaction("hang"))


def allow(team: Team) -> None:
    """Lets the account of runbooks do what the samples need, beyond what each team's may."""
    account = f"system:serviceaccount:{team.stage.namespace}:incident-responder"
    for resource, verbs, group in (
        ("replicasets", ["list"], "apps"),
        ("httproutes", ["get", "patch"], GATEWAY.partition("/")[0]),
        ("secrets", ["get"], ""),
        ("pods", ["list"], ""),
        ("pods/log", ["get"], ""),
    ):
        team.stage.allow(account, resource, verbs, group=group)


def furnish_workloads(team: Team) -> None:
    """Deployments `cart` and `menu` at their second revision, `only` and `slow` at their first."""
    for name in ("cart", "menu", "only", "slow"):
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
        }
        spec = DEPLOYMENT | {"selector": {"matchLabels": {"app": name}}, "template": template}
        team.make("deployments", APPS, {"metadata": {"name": name}, "spec": spec})
    for name in ("cart", "menu"):
        _rolled_out(team, name, "1")
        containers = [{"name": "web", "image": "registry.example.com/web:2"}]
        change = {"spec": {"template": {"spec": {"containers": containers}}}}
        answer = team.admin.ask("PATCH", team.admin.path("deployments", name, APPS), change)
        assert answer.succeeded, answer.message
    for name, revision in (("checkout", "1"), ("cart", "2"), ("menu", "2"), ("only", "1"), ("slow", "1")):
        _rolled_out(team, name, revision)


def furnish_routes(team: Team) -> None:
    """Routes `checkout` and `search`, all of whose traffic goes to the second version, and to the first."""
    for name, shares in (("checkout", (0, 100)), ("search", (100, 0))):
        backends = [
            {"name": f"checkout-v{at}", "port": 80, "weight": weight} for at, weight in enumerate(shares, 1)
        ]
        spec = {"rules": [{"name": "checkout", "backendRefs": backends}]}
        body = {"apiVersion": GATEWAY, "kind": "HTTPRoute", "metadata": {"name": name}, "spec": spec}
        path = team.admin.path("httproutes", version=GATEWAY)

        def complaint(path: str = path, body: Json = body) -> str | None:
            answer = team.admin.ask("POST", path, body)
            return None if answer.succeeded else answer.message

        wait_until(complaint, PATIENCE)


def furnish_incidents(team: Team, kubectl: Kubectl, receiver: Receiver) -> None:
    """Incidents `checkout` with a channel and `quiet` without, and those who are told by steps."""
    pagers = furnish(Pagers(kubectl, team.admin, receiver))
    for name, path in (("support", "support"), ("late", "late")):
        pagers.secret(name, url=f"{receiver.url}/{path}")
        pagers.connection(name, webhook={"urlSecretRef": {"name": name, "key": "url"}})
    for name, values in {
        "campaigns": {"authorization": "Bearer campaigns"},
        "cache": {"token": "opensesame-cache"},
        "unleash": {"token": "default:production.token"},
    }.items():
        pagers.secret(name, **values)
    pagers.policy(("first", "5m", [target("pagerduty")]))
    pagers.declare()
    pagers.declare("quiet", mode="Drill")
    pagers.wait_for(lambda found: channel(found).get("state") == "Ready")
    pagers.wait_for_phase("Triggered", "quiet")


def approve(team: Team) -> None:
    """Has bo agree to every plan that waits for it."""
    for run in team.admin.ask("GET", team.admin.path("runbookruns")).body["items"]:
        status = run.get("status", {})
        if status.get("phase") != "AwaitingApproval":
            continue
        shown = {"planHash": status["plan"]["hash"]}
        if run["spec"].get("approvals", {}).get("bo") != shown:
            team.stage.person("bo").patch(
                "runbookruns", run["metadata"]["name"], {"approvals": {"bo": shown}}
            )


def request(team: Team, book: Json, **spec: Any) -> str:
    """The name of the run that ana requests of a runbook, which is made."""
    name = book["metadata"]["name"]
    answer = team.admin.ask("POST", team.admin.path("runbooks"), {"apiVersion": API_VERSION, **book})
    assert answer.succeeded, answer.message
    wanted = {"runbookRef": {"name": name}, "requestedBy": "ana", **spec}
    answer = team.stage.person("ana").create("runbookruns", wanted, name=f"{name}-1")
    assert answer.succeeded, answer.message
    return f"{name}-1"


def _rolled_out(team: Team, name: str, revision: str) -> None:
    """Returns once a Deployment runs what it should, as this revision."""

    def complaint() -> str | None:
        found = team.thing("deployments", name, APPS)
        seen = found["metadata"].get("annotations", {}).get(REVISION)
        status = found.get("status", {})
        counts = {status.get(f"{each}eplicas", 0) for each in ("r", "availableR", "updatedR")}
        well = seen == revision and counts == {found["spec"]["replicas"]}
        return None if well else json.dumps(status)

    wait_until(complaint, PATIENCE)


def _said(status: int, body: Json) -> Reaction:
    headers = {"content-type": "application/json"}
    return Reaction(status=status, headers=headers, body=json.dumps(body).encode())
