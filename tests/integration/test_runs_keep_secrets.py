"""Secrets that runs use are shown nowhere: in no status, Event, ConfigMap, log line, metric or annotation."""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Receiver
from dev.receiver_http import Reaction
from dev.waiting import wait_until
from tests.support.people import Json, Stage, admin_client, set_stage
from tests.support.runbook_team import NO_APPROVAL, TARGET, Team, furnished

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F41")]

NAMESPACE = "runs-keep-secrets"
VALUE = "canary/9c41 e7+07b&5"
"""What a Secret holds, with letters that are escaped somewhere."""
GIVEN = 'kanarie/3f6a "d1+92=8'
"""What a parameter that is secret is given."""
JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}")
REF: Json = {"authorizationSecretRef": {"name": "vendor", "key": "token"}}
LONGEST = 60.0


def said(text: str) -> bytes:
    """What a vendor says who repeats a text as the API server words its refusals."""
    return json.dumps({"kind": "Status", "message": f"no: {text}"}).encode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


HEADER = f"Bearer {VALUE}"
REACTIONS = {
    "/done": Reaction(status=200, body=said(HEADER)),
    "/plain": Reaction(status=403, body=said(HEADER)),
    "/bare": Reaction(status=401, body=said(VALUE)),
    "/url": Reaction(status=400, body=said(quote(VALUE, safe=""))),
    "/form": Reaction(status=422, body=said(quote_plus(VALUE))),
    "/base64": Reaction(status=404, body=said(encoded(HEADER) + " " + encoded(VALUE))),
    "/parameter": Reaction(status=403, body=said(GIVEN + " " + quote(GIVEN, safe="") + " " + encoded(GIVEN))),
    "/redirect": Reaction(
        status=302, headers={"Location": f"https://example.com/{quote(VALUE, safe='')}"}, body=said(VALUE)
    ),
    "/broken": Reaction(status=500, body=said(VALUE)),
    "/garbage": Reaction("garbage"),
    "/reset": Reaction("reset"),
}
SECRET: Json = {"name": "p", "type": "String", "secret": True}
IN_URL = "{{ parameters.p }}"


def steps(sink: str) -> dict[str, Json]:
    """A step for each way in which a secret is used."""
    found: dict[str, Json] = {
        path[1:]: {"http": {"url": f"{sink}{path}", "body": '{"p": "' + IN_URL + '"}', **REF}}
        for path in REACTIONS
    }
    header = {"name": "X-Key", "value": "{{ parameters.p }}"}
    found["in-url"] = {"http": {"url": f"{sink}/url/{IN_URL}?q={IN_URL}", "headers": [header]}}
    found["in-text"] = {"notify": {"connectionRef": {"name": "console"}, "text": f"It is {IN_URL}."}}
    looked = {"http": {"url": f"{sink}/done", **REF}}
    found["late"] = {"check": {**looked, "condition": "response.body.message.x == 1", "within": "3s"}}
    thing = {"apiVersion": "v1", "kind": "Secret", "name": "vendor"}
    found["asked"] = {"check": {"targetRef": thing, "condition": "object.data.token.x == 1", "within": "2s"}}
    patch = {"type": "Merge", "patch": "stringData: {other: '" + IN_URL + "'}"}
    found["patched"] = {"kubernetes": {"targetRef": thing, "patch": patch}}
    annotated = {
        "type": "Merge",
        "patch": "spec: {template: {metadata: {annotations: {a: '" + IN_URL + "'}}}}",
    }
    found["annotated"] = {"kubernetes": {"targetRef": TARGET, "patch": annotated}}
    key = {"name": "K", "valueSecretRef": {"name": "vendor", "key": "token"}}
    found["job"] = {
        "job": {"image": "example.com/a", "command": ["a", IN_URL], "env": [key]},
        "timeout": "4s",
    }
    return found


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        yield set_stage(client, NAMESPACE)


@pytest.fixture(scope="module")
def phases(stage: Stage, operator: OperatorProcess) -> Iterator[dict[str, Json]]:
    """The status of every run, once all steps have ended."""
    team = furnished(stage)
    account = f"system:serviceaccount:{NAMESPACE}:incident-responder"
    stage.allow(account, "secrets", ["get", "patch"], group="")
    team.make("secrets", "v1", {"metadata": {"name": "vendor"}, "stringData": {"token": HEADER}})
    assert team.admin.create("connections", {"console": {}}, name="console").succeeded
    with Receiver() as receiver:
        for path, reaction in REACTIONS.items():
            receiver.script(path, reaction)
        for name, body in steps(receiver.url).items():
            _begin(team, name, {"name": "act", **NO_APPROVAL, **body})
        yield {name: _ended(team, name) for name in steps(receiver.url)}


def _begin(team: Team, name: str, step: Json) -> None:
    spec = {"title": "Use", "serviceAccountName": "incident-responder", "parameters": [SECRET]}
    assert team.admin.create("runbooks", spec | {"steps": [step]}, name=name).succeeded
    run = {"runbookRef": {"name": name}, "requestedBy": "ana", "parameters": {"p": GIVEN}}
    answer = team.stage.person("ana").create("runbookruns", run, name=f"{name}-1")
    assert answer.succeeded, answer.message


def _ended(team: Team, name: str) -> Json:
    def missing() -> str | None:
        status = team.status(f"{name}-1")
        (step,) = status.get("steps") or [{}]
        return None if step.get("endedTime") else f"{name}: {json.dumps(status)}"

    wait_until(missing, LONGEST)
    return team.status(f"{name}-1")


def leaks(text: str) -> list[str]:
    """The forms in which a secret stands in a text."""
    forms = set()
    for secret in (VALUE, GIVEN):
        forms |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
        forms |= {json.dumps(secret)[1:-1], json.dumps(json.dumps(secret)[1:-1])[1:-1], encoded(secret)}
    forms |= {encoded(HEADER), VALUE[:11], GIVEN[:12]}
    return sorted({form for form in forms if form in text} | set(JWT.findall(text)))


def test_each_way_came_to_its_end(phases: dict[str, Json]):
    ends = {name: status["steps"][0]["phase"] for name, status in phases.items()}
    succeeded = {"done", "in-url", "in-text", "patched", "annotated"}
    assert {name for name, phase in ends.items() if phase == "Succeeded"} == succeeded
    assert {name for name, phase in ends.items() if phase == "Unknown"} == {"broken", "garbage", "reset"}


def test_no_status_and_no_annotation_shows_a_secret(stage: Stage, phases: dict[str, Json]):
    runs = stage.admin.ask("GET", stage.admin.path("runbookruns")).body["items"]
    for run in runs:
        # The parameter stands in the spec, as its description says.
        shown = json.dumps({key: value for key, value in run.items() if key != "spec"}, ensure_ascii=False)
        own = {**run["metadata"], "managedFields": None}
        assert leaks(shown) == [], run["metadata"]["name"]
        assert leaks(json.dumps(own)) == []
    assert len(runs) == len(phases)


def test_no_event_shows_a_secret(stage: Stage, phases: dict[str, Json]):
    for name, status in phases.items():
        end = "Ended" if status["steps"][0]["phase"] in {"Succeeded", "Failed"} else "PersonNeeded"
        told = stage.admin.told_of(f"{name}-1", end)
        assert leaks(json.dumps(told, ensure_ascii=False)) == []


def test_no_config_map_shows_a_secret(stage: Stage, phases: dict[str, Json]):
    found = stage.admin.ask("GET", stage.admin.path("configmaps", version="v1")).body["items"]
    assert leaks(json.dumps(found, ensure_ascii=False)) == []


def test_no_log_line_shows_a_secret(operator: OperatorProcess, phases: dict[str, Json]):
    assert "performed" in operator.log_text()
    assert leaks(operator.log_text()) == []


def test_no_metric_shows_a_secret(operator: OperatorProcess, phases: dict[str, Json]):
    metrics = operator.http("/metrics")
    assert "watchbill" in metrics
    assert leaks(metrics) == []


@pytest.mark.parametrize("secret", [VALUE, GIVEN])
def test_a_leak_would_be_found(secret: str):
    for text in (secret, quote(secret, safe=""), encoded(secret), json.dumps({"a": secret})):
        assert leaks(f"so: {text}.")
    assert leaks("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrIn0.x")
