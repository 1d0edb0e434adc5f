"""Feature flags: of a real Unleash, and of a file for flagd in a ConfigMap on a real API server."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from dev.cluster import Cluster
from dev.errors import DevError
from dev.operator_process import OperatorProcess
from dev.progress import Progress
from dev.receiver import Receiver
from dev.unleash.server import ADMIN_TOKEN, CLIENT_TOKEN, Unleash
from dev.unleash.tools import Tools, ensure_tools
from dev.waiting import wait_until
from tests.support.people import Json, Stage, admin_client, set_stage
from tests.support.require import require
from tests.support.runbook_team import NO_APPROVAL, TARGET, Team, furnished
from tests.support.step_world import answers, approve, request, sample
from watchbill.api.runbook_run_status import ENDED

pytestmark = pytest.mark.cluster

LONGEST = 30.0
CLIENT_PATIENCE = 15.0
"""Seconds after which Unleash tells its clients of a change, at the latest."""

SECRET: Json = {"name": "unleash", "key": "token"}
NEVER: Json = {"targetRef": TARGET, "condition": "object.spec.replicas == 99", "within": "6s"}
FLAG: Json = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}


@dataclass(frozen=True)
class Flags:
    """The flags of an Unleash, which is not ours."""

    url: str

    def make(self, name: str) -> None:
        """Makes a flag that is on in the environment `development`."""
        made = self._ask("POST", "", {"name": name, "type": "release"})
        assert made.status_code == 201, made.text
        self.turn(name, "on")

    def turn(self, name: str, way: str, environment: str = "development") -> None:
        """Turns a flag on or off, as somebody at its console would."""
        answer = self._ask("POST", f"/{name}/environments/{environment}/{way}")
        assert answer.is_success, answer.text

    def is_on(self, name: str, environment: str = "development") -> bool:
        """Whether the flag is on."""
        return bool(self._ask("GET", f"/{name}/environments/{environment}").json()["enabled"])

    def client_has(self, name: str) -> bool:
        """Whether an application's client is told that the flag is on."""
        url = f"{self.url}/api/client/features"
        found = httpx.get(url, headers={"Authorization": CLIENT_TOKEN}).json()["features"]
        return any(each["name"] == name and each["enabled"] for each in found)

    def _ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        url = f"{self.url}/api/admin/projects/default/features{path}"
        return httpx.request(method, url, json=body, headers={"Authorization": ADMIN_TOKEN})


@pytest.fixture(scope="module")
def unleash_tools() -> Tools:
    """Unleash and PostgreSQL, installed where they are not yet."""
    try:
        return ensure_tools(os.environ, Progress())
    except DevError as error:
        require(False, f"Unleash: {error}")
        raise


@pytest.fixture(scope="module")
def flags(unleash_tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flags]:
    with Unleash(unleash_tools, tmp_path_factory.mktemp("unleash")) as running:
        yield Flags(running.url)


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        yield set_stage(client, "flags")


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    """A team with a token of Unleash in two Secrets, of which its account may read one."""
    made = furnished(stage)
    for name in ("unleash", "withheld"):
        data = {"token": base64.b64encode(ADMIN_TOKEN.encode()).decode()}
        made.make("secrets", "v1", {"metadata": {"name": name}, "data": data})
    account = f"system:serviceaccount:{stage.namespace}:incident-responder"
    stage.allow(account, "secrets", ["get"], group="", name="unleash")
    return made


def turned(flags: Flags, feature: str, enabled: bool, secret: Json = SECRET, **more: Json) -> Json:
    """A step that turns a flag of Unleash on or off, which nobody has to approve."""
    at = {
        "project": "default",
        "environment": "development",
        "feature": feature,
        "authorizationSecretRef": secret,
    }
    flag = {"unleash": {"baseURL": flags.url, "enabled": enabled, **at}}
    return {"name": "turn", "flag": flag, **NO_APPROVAL, **more}


@pytest.mark.feature("F40")
def test_the_sample_turns_a_flag_of_unleash_off(team: Team, flags: Flags, receiver: Receiver):
    flags.make("new-checkout")
    flags.turn("new-checkout", "on", "production")
    receiver.script("/prometheus/api/v1/query", answers("0.01"))
    book = sample("flag", team.stage.namespace, receiver.url)
    book["spec"]["steps"][0]["flag"]["unleash"]["baseURL"] = flags.url
    run = request(team, book)

    def complaint() -> str | None:
        approve(team)
        return None if team.status(run).get("phase") in ENDED else json.dumps(team.status(run))

    wait_until(complaint, LONGEST, pause=0.1)
    assert team.status(run)["phase"] == "Succeeded", team.status(run)
    assert not flags.is_on("new-checkout", "production")


def step_phase(team: Team, run: str, phase: str) -> Json:
    """The step of the run, once it is in this phase."""

    def step() -> Json:
        return dict((team.status(run).get("steps") or [{}])[0])

    wait_until(lambda: None if step().get("phase") == phase else json.dumps(team.status(run)), LONGEST)
    return step()


def until(found: Callable[[], bool], what: str, seconds: float = LONGEST) -> None:
    wait_until(lambda: None if found() else what, seconds, pause=0.2)


@pytest.mark.feature("F43")
def test_a_flag_of_unleash_is_turned_off_for_its_clients_and_kept_to_be_turned_on(team: Team, flags: Flags):
    flags.make("checkout")
    until(lambda: flags.client_has("checkout"), "no client knows the flag", CLIENT_PATIENCE)
    status = team.ended(team.run("off", turned(flags, "checkout", False)))
    assert status["phase"] == "Succeeded", status
    assert (status["plan"]["steps"][0]["diff"], flags.is_on("checkout")) == ("enabled: true -> false", False)
    assert json.loads(status["steps"][0]["undo"]) == {"enabled": True}
    until(lambda: not flags.client_has("checkout"), "clients take it for on", CLIENT_PATIENCE)
    assert ADMIN_TOKEN not in json.dumps(status)


@pytest.mark.feature("F43")
def test_a_flag_of_unleash_is_on_again_when_turning_it_off_did_not_help(team: Team, flags: Flags):
    flags.make("search")
    run = team.run("back", turned(flags, "search", False, verify=NEVER))
    until(lambda: not flags.is_on("search"), "it is not turned off")
    status = team.ended(run)
    assert (status["phase"], flags.is_on("search")) == ("Undone", True), status


@pytest.mark.feature("F40")
def test_a_flag_that_is_not_there_says_so(team: Team, flags: Flags):
    (step,) = team.ended(team.run("nothing", turned(flags, "nothing", False)))["steps"]
    said = "Unleash: HTTP 404: there is no such project, environment or flag"
    assert (step["reason"], step["message"]) == ("Denied", said)


def test_a_secret_that_the_account_may_not_read_holds_the_run_up(team: Team, flags: Flags):
    run = team.run("withheld", turned(flags, "checkout", False, secret=SECRET | {"name": "withheld"}))
    said = team.blocked(run, "Denied")
    assert "Secret withheld cannot be read" in said
    assert ADMIN_TOKEN not in json.dumps(team.status(run))


def file_of(team: Team) -> Json:
    """The file of flags as it is."""
    found: Json = json.loads(team.thing("configmaps", "flags")["data"]["flags.json"])
    return found


def write_file(team: Team, file: Json) -> None:
    path = team.admin.path("configmaps", "flags", "v1")
    answer = team.admin.ask("PATCH", path, {"data": {"flags.json": json.dumps(file)}})
    assert answer.succeeded, answer.message


@pytest.fixture
def file(team: Team) -> Iterator[Json]:
    """A file with two flags, both on."""
    found: Json = {"flags": {"checkout": FLAG, "search": FLAG}}
    data = {"flags.json": json.dumps(found, indent=2) + "\n"}
    team.make("configmaps", "v1", {"metadata": {"name": "flags"}, "data": data})
    yield found
    team.admin.ask("DELETE", team.admin.path("configmaps", "flags", "v1"))


def in_file(**more: Json) -> Json:
    ref = {"name": "flags", "key": "flags.json"}
    flag = {"flagd": {"configMapKeyRef": ref, "feature": "checkout", "defaultVariant": "off"}}
    return {"name": "turn", "flag": flag, **NO_APPROVAL, **more}


@pytest.mark.feature("F43")
def test_a_flag_of_flagd_has_another_default_and_the_rest_of_its_file_stays(team: Team, file: Json):
    status = team.ended(team.run("file", in_file()))
    assert status["phase"] == "Succeeded", status
    assert status["plan"]["steps"][0]["diff"] == (
        'data.flags.json.flags.checkout.defaultVariant: "on" -> "off"'
    )
    off = {"flags": {"checkout": FLAG | {"defaultVariant": "off"}, "search": FLAG}}
    written = team.thing("configmaps", "flags")["data"]["flags.json"]
    assert written == json.dumps(off, indent=2) + "\n"


@pytest.mark.feature("F43")
def test_a_flag_of_flagd_is_as_it_was_when_it_did_not_help_whatever_became_of_others(team: Team, file: Json):
    run = team.run("file-back", in_file(verify=NEVER))
    until(lambda: file_of(team)["flags"]["checkout"]["defaultVariant"] == "off", "it is not set")
    search = FLAG | {"state": "DISABLED"}
    write_file(team, {"flags": file_of(team)["flags"] | {"search": search}})
    status = team.ended(run)
    assert status["phase"] == "Undone", status
    assert file_of(team)["flags"] == {"checkout": FLAG, "search": search}


@pytest.mark.feature("F43")
def test_a_flag_that_somebody_has_changed_since_is_left_as_it_is(team: Team, file: Json):
    run = team.run("file-changed", in_file(verify=NEVER))
    # Until it has read back what it set, a change by somebody else is waited for.
    step_phase(team, run, "Verifying")
    theirs = FLAG | {"defaultVariant": "third"}
    write_file(team, {"flags": file_of(team)["flags"] | {"checkout": theirs}})
    step = step_phase(team, run, "UndoFailed")
    assert step["reason"] == "ChangedSince"
    assert step["message"].endswith('somebody has changed it since, to {"defaultVariant": "third"}')
    assert file_of(team)["flags"]["checkout"] == theirs
