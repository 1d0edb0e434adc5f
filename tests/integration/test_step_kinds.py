"""Each kind of step on a real API server: where it goes well, where it fails, and where it takes too long.

The controllers of Kubernetes see to Deployments and Jobs, and a small node runs their pods.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Receiver
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.node import node
from tests.support.people import Json, Stage, admin_client, set_stage
from tests.support.room import posts
from tests.support.runbook_team import NO_APPROVAL, Team, furnished
from tests.support.step_cases import CASES, INNER, REQUESTS, RUN_HERE, Case
from tests.support.step_world import (
    APPS,
    GATEWAY,
    allow,
    approve,
    furnish_incidents,
    furnish_routes,
    furnish_workloads,
    play_servers,
    request,
    sample,
)
from watchbill.api.runbook_run_status import ENDED

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F40")]

LONGEST = 60.0
"""Seconds: a request that is never answered is waited for for 30."""

NAMESPACE = "step-kinds"
WITHIN = f"{NAMESPACE}-within"
"""Where the sample of `runbook` runs that of `kubernetes`, which has been run in the other one."""

LOG = "flushed with opensesame-cache\n"


class World(NamedTuple):
    """Two teams all of whose runs have been requested, the vendors, and the name of each run."""

    team: Team
    within: Team
    receiver: Receiver
    runs: dict[str, str]

    def of(self, name: str) -> Team:
        """The team that has this run."""
        return self.within if name == "runbook-success" else self.team

    def ended(self, name: str) -> Json:
        """The status of a run once it has ended; every plan is agreed to meanwhile."""
        team, run = self.of(name), self.runs[name]

        def complaint() -> str | None:
            approve(team)
            status = team.status(run)
            return None if status.get("phase") in ENDED else f"{name}: {json.dumps(status)}"

        wait_until(complaint, LONGEST, pause=0.1)
        return team.status(run)

    def step(self, name: str) -> Json:
        """The last step of a run once it has ended."""
        found: Json = self.ended(name)["steps"][-1]
        return found


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    with admin_client(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def stages(client: httpx.Client, controllers: None, http_routes: None) -> tuple[Stage, Stage]:
    return set_stage(client, NAMESPACE), set_stage(client, WITHIN)


@pytest.fixture(scope="module")
def world(
    stages: tuple[Stage, Stage],
    operator: OperatorProcess,
    kubectl: Kubectl,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    admins = [each.admin for each in stages]
    with Receiver() as receiver, node("node-of-steps", admins, tmp_path_factory.mktemp("node"), LOG):
        play_servers(receiver)
        team, within = (furnished(each) for each in stages)
        allow(team)
        furnish_workloads(team)
        furnish_routes(team)
        furnish_incidents(team, kubectl, receiver)
        found = World(team, within, receiver, {})
        begin_samples(found)
        begin_cases(found)
        yield found


def begin_samples(world: World) -> None:
    """Has ana request a run of each sample."""
    scale = sample("kubernetes", WITHIN, world.receiver.url)
    answer = world.within.admin.ask("POST", world.within.admin.path("runbooks"), scale)
    assert answer.succeeded, answer.message
    for kind in RUN_HERE:
        name = f"{kind}-success"
        team = world.of(name)
        book = sample(kind, team.stage.namespace, world.receiver.url)
        world.runs[name] = request(team, book, **REQUESTS.get(kind, {}))
    done(world, "manual-success", "failover")


def begin_cases(world: World) -> None:
    """Has ana request a run of each case, which nobody has to approve."""
    for name, body in INNER.items():
        spec = {"title": name, "serviceAccountName": "incident-responder", "steps": [{"name": "act", **body}]}
        assert world.team.admin.create("runbooks", spec, name=name).succeeded
    for name, case in CASES.items():
        step = json.loads(json.dumps(case.step).replace("@SINK@", world.receiver.url))
        more: Json = {"incidentRef": {"name": case.incident}} if case.incident else {}
        world.runs[name] = world.team.run(name, {"name": "act", **NO_APPROVAL, **step}, **more)
    done(world, "manual-failure", "act")


def done(world: World, name: str, step: str) -> None:
    """Has ana say that she has done what a person must do."""
    ana, said = world.team.stage.person("ana"), {"manualDone": {"ana": {"steps": [step]}}}
    assert ana.patch("runbookruns", world.runs[name], said).succeeded


@pytest.mark.parametrize("kind", RUN_HERE)
def test_the_sample_goes_well(world: World, kind: str):
    status = world.ended(f"{kind}-success")
    assert status["phase"] == "Succeeded", status
    assert {step["phase"] for step in status["steps"]} == {"Succeeded"}


@pytest.mark.parametrize("name", CASES)
def test_a_step(world: World, name: str):
    case: Case = CASES[name]
    step = world.step(name)
    assert (step["phase"], step.get("reason", "")) == (case.phase, case.reason), step
    assert case.said in step.get("message", "") + step.get("output", "")
    assert case.phase != "Succeeded" or world.ended(name)["phase"] == "Succeeded"


def test_the_samples_did_what_they_say(world: World):
    for kind in RUN_HERE:
        world.ended(f"{kind}-success")
    team, arrived = world.team, world.receiver.requests_to
    assert team.thing("deployments", "checkout", APPS)["spec"]["replicas"] == 6
    assert world.within.thing("deployments", "checkout", APPS)["spec"]["replicas"] == 10
    (cart,) = team.thing("deployments", "cart", APPS)["spec"]["template"]["spec"]["containers"]
    assert cart["image"] == "registry.example.com/web:1"
    (rule,) = team.thing("httproutes", "checkout", GATEWAY)["spec"]["rules"]
    assert [each["weight"] for each in rule["backendRefs"]] == [100, 0]
    (campaign,) = arrived("/v1/campaigns/spring/stop")
    assert (campaign.json, campaign.headers["authorization"]) == (
        {"by": "stop-campaign-1"},
        "Bearer campaigns",
    )
    (told,) = arrived("/support")
    assert "Checkout is degraded; see incident checkout." in told.body.decode()


def test_what_did_not_help_is_as_it_was(world: World):
    for kind in ("kubernetes", "rollback", "traffic"):
        world.ended(f"{kind}-timeout")
    team = world.team
    assert "paused" not in team.thing("deployments", "slow", APPS)["spec"]
    (menu,) = team.thing("deployments", "menu", APPS)["spec"]["template"]["spec"]["containers"]
    assert menu["image"] == "registry.example.com/web:2"
    (rule,) = team.thing("httproutes", "search", GATEWAY)["spec"]["rules"]
    assert [each["weight"] for each in rule["backendRefs"]] == [100, 0]


def test_prometheus_is_asked_as_its_api_is_documented(world: World):
    world.ended("check-success-promql")
    asked = [httpx.URL(each.path) for each in world.receiver.requests_to("/prometheus/api/v1/query")]
    assert {each.method for each in world.receiver.requests_to("/prometheus/api/v1/query")} == {"GET"}
    assert 'rate(http_errors_total{service="checkout"}[5m])' in {each.params["query"] for each in asked}


def test_a_notification_is_read_in_the_channel_of_the_incident(world: World):
    world.ended("notify-success-channel")
    (channel,) = world.receiver.slack.channels
    assert posts(channel).count("Checkout is slow: checkout") == 1


def job_of(world: World, name: str) -> Json:
    """The Job of a run's last step, once its own controller has ended it."""
    job = world.step(name)["handle"]

    def complaint() -> str | None:
        status = world.team.thing("jobs", job, "batch/v1")["status"]
        ended = {each["type"] for each in status.get("conditions", [])} & {"Complete", "Failed"}
        return None if ended else json.dumps(status)

    wait_until(complaint, LONGEST)
    return world.team.thing("jobs", job, "batch/v1")


@pytest.mark.parametrize(
    ("name", "type_", "reason"),
    [
        ("job-success", "Complete", "CompletionsReached"),
        ("job-failure", "Failed", "BackoffLimitExceeded"),
        ("job-timeout", "Failed", "DeadlineExceeded"),
    ],
)
def test_a_job_ends_as_its_controller_says(world: World, name: str, type_: str, reason: str):
    job = job_of(world, name)
    (ended,) = (each for each in job["status"]["conditions"] if each["type"] == type_)
    assert (ended["status"], ended["reason"]) == ("True", reason)
    assert job["status"].get("active", 0) == 0


def test_the_log_of_a_job_is_kept_without_its_secret(world: World):
    assert world.step("job-success")["output"].strip() == "flushed with ***"
    assert world.step("job-failure")["output"].strip() == LOG.strip()
