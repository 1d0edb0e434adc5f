"""`kubectl watchbill` as the persons of a team, against the real API server and the real operator."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.layout import REPOSITORY
from dev.receiver import PAGERDUTY_PATH, Reaction
from tests.support.builders import target
from tests.support.plugin import on_terminal, plugin, run_with_plugins
from tests.support.team import Team
from watchbill.api.durations import parse_duration
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.cli.links import world_of
from watchbill.cli.manifests import read_manifests
from watchbill.cli.plugin import foretell
from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.walk import walked

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

TITLE = "Checkout returns 500"
NAME = "checkout-returns-500"
TEST_PAGE = ("test-page", "--yes", "-s", "SEV-3", "--ring", "0", "--wait", "3")


@pytest.fixture
def shop(team: Team) -> Team:
    """A team with two levels that are far apart; ana responds, and vi may only look."""
    team.policy(("primary", "10m", [target("pagerduty")]), ("secondary", "10m", [target("backup-pager")]))
    team.severities()
    team.kubectl("apply", "--server-side", f"--filename={REPOSITORY / 'examples/roles'}")
    for user, role in (("ana", "responder"), ("vi", "viewer")):
        flags = (f"--clusterrole=watchbill-{role}", f"--user={user}", f"--namespace={team.namespace}")
        team.kubectl("create", "rolebinding", user, *flags)
    return team


def types(shop: Team, *words: str, user: str = "ana") -> Any:
    """What the person was told, where it went well."""
    return plugin(shop.kubectl, user, *words, "-n", shop.namespace).stdout


def declares(shop: Team, *more: str) -> str:
    return str(types(shop, "declare", TITLE, "--class", shop.class_name, *more))


def observed(shop: Team) -> int:
    """The generation of the incident, once the operator has looked at it."""
    generation = int(shop.incident(NAME)["metadata"]["generation"])
    shop.wait_for(lambda incident: incident["status"].get("observedGeneration") == generation, NAME)
    return generation


@pytest.mark.feature("F67")
def test_a_person_takes_an_incident_from_declaration_to_resolution(shop: Team):
    """Ana has the responder's role and nothing else: what her plugin does, her kubectl may do."""
    said = declares(shop)
    assert said.startswith(f"incident.watchbill.dev/{NAME} declared by ana as SEV-1\n")
    assert "paging primary: pagerduty accepted at " in said
    assert "next: secondary at " in said
    assert types(shop, "escalate", NAME) == (
        f"incident.watchbill.dev/{NAME} escalated to the next level by ana\n"
    )
    shop.receiver.wait_for(lambda r: r.requests_to(f"/{shop.namespace}/backup"), timeout=10)
    wait = ("wait", "--for=condition=Acknowledged", f"incident/{NAME}", f"--namespace={shop.namespace}")
    assert shop.kubectl(*wait, "--timeout=0s", check=False).returncode == 1
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(shop.kubectl, *wait, "--timeout=20s")
        assert types(shop, "ack", NAME, "-m", "on it").endswith(f"/{NAME} acknowledged by ana\n")
        assert "condition met" in waiting.result(timeout=30).stdout
    assert "posted by ana" in types(shop, "update", NAME, "Rolling back.", "--public-phase", "Identified")
    public = shop.wait_for(lambda i: i["status"].get("publicPhase"), NAME)
    assert public == "Identified"
    assert types(shop, "mitigate", NAME).endswith("mitigated by ana\n")
    shop.wait_for_phase("Mitigated", NAME)
    assert types(shop, "resolve", NAME, "-m", "rolled back").endswith("resolved by ana\n")
    resolved = shop.wait_for_phase("Resolved", NAME)
    assert resolved["spec"]["stateReason"] == "rolled back"
    assert types(shop, "reopen", NAME).endswith("reopened by ana\n")
    shop.wait_for_phase("Triggered", NAME)
    assert types(shop, "cancel", NAME).endswith("cancelled by ana\n")
    shop.wait_for_phase("Cancelled", NAME)
    told = json.loads(types(shop, "timeline", NAME))["entries"]
    by_ana = [entry["kind"] for entry in told if entry["actor"] == "ana"]
    assert by_ana[0] == "Declared"
    acts = ["Escalated", "Acknowledged", "Mitigated", "Resolved", "Open", "Cancelled"]
    assert [kind for kind in by_ana if kind in acts] == acts


@pytest.fixture
def gapped(shop: Team) -> Any:
    """The shop's policy as the operator has judged it: two rounds, and a level that only a chat stands at."""
    shop.connection("chat", slack={"botTokenSecretRef": {"name": "chat", "key": "token"}})
    levels = (
        ("primary", "90s", [target("pagerduty", "backup-pager"), target("backup-pager")]),
        ("chat", "5m", [target("chat")]),
        ("secondary", "10m", [target("backup-pager")]),
    )
    shop.policy(*levels, times=1)
    place = ("escalationpolicy/primary", f"--namespace={shop.namespace}")
    judged = "--for=jsonpath={.status.conditions[0].reason}=InvalidSpec"
    shop.kubectl("wait", *place, judged, "--timeout=10s")
    found = json.loads(shop.kubectl("get", *place, "-o", "json").stdout)
    shop.policy(*levels, times=1)
    yield found
    after = json.loads(shop.kubectl("get", *place, "-o", "json").stdout)
    same = after["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
    assert same, "to apply a policy twice changes nothing, and its status is written once"


@pytest.mark.feature("F29")
def test_the_simulation_the_preview_and_the_operators_own_loop_are_one_table(
    shop: Team, gapped: Any, tmp_path: Path
):
    """Offline from manifests, in the policy's status, and opened by the core on a clock of the test."""
    preview, file = gapped["status"]["preview"], tmp_path / "team.yaml"
    scope = f"--namespace={shop.namespace}"
    file.write_text(shop.kubectl("get", "escalationpolicies,connections", scope, "-o", "yaml").stdout)
    start = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    words = ("simulate", str(file), "--at", "2026-03-29T01:30Z")
    simulated = plugin(shop.kubectl, "ana", *words, check=False)
    pages = json.loads(simulated.stdout)["pages"]
    assert [{key: page[key] for key in preview[0]} for page in pages] == preview
    assert [each["after"] for each in preview] == ["0s", "0s", "1m30s", "11m30s", "11m30s", "13m", "23m"]
    offsets = [parse_duration(page["after"]) for page in preview]
    assert [datetime.fromisoformat(page["time"]) - start for page in pages] == offsets
    gap = "level chat: none of its connections can carry a page\n"
    assert (simulated.returncode, simulated.stderr) == (ExitCode.REFUSED, gap)

    policy = EscalationPolicy.model_validate(gapped)
    world = world_of(read_manifests(file)[0], shop.namespace)
    opened = walked(foretell.observed(policy, world, start), start)
    assert sorted(
        (each.time - start, each.page.level, "/".join(each.connection)) for each in opened
    ) == sorted(
        (after, page["level"], page["how"][0]["connection"])
        for after, page in zip(offsets, preview, strict=True)
    )


@pytest.mark.feature("F67")
def test_a_person_sees_who_is_on_call_and_simulates_another_time(shop: Team, gapped: Any, tmp_path: Path):
    told = json.loads(types(shop, "oncall"))["policies"][0]
    assert (told["policy"], told["ready"]["status"], told["ready"]["reason"]) == (
        "primary",
        "False",
        "InvalidSpec",
    )
    assert [(level["level"], level["after"]) for level in told["levels"]] == [
        ("primary", "0s"),
        ("chat", None),
        ("secondary", "1m30s"),
        ("lastResort", "23m"),
    ]
    (first, _) = told["levels"][0]["pages"]
    assert first["who"] == f"{shop.namespace}/pagerduty"
    assert [(hop["vendor"], hop["ready"]["status"]) for hop in first["how"]] == [
        ("pagerDuty", "True"),
        ("webhook", "True"),
    ]
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(gapped))
    at = json.loads(types(shop, "simulate", str(file), "--at", "2026-03-09T03:00Z"))
    assert at["exhaustedTime"] == "2026-03-09T03:33:00.000Z"


def test_a_test_page_gets_through_and_leaves_nothing_open(shop: Team):
    said = types(shop, *TEST_PAGE, "--class", shop.class_name)
    assert "paging primary: pagerduty accepted at " in said
    (incident,) = json.loads(types(shop, "list", "-l", "watchbill.dev/test-page=true"))["items"]
    ended = shop.wait_for_phase("Cancelled", incident["metadata"]["name"])
    assert [page["level"] for page in ended["status"]["pages"]] == ["primary"]
    # The pager was asked to wake somebody, and then told that it is over.
    alert = shop.receiver.wait_for(
        lambda receiver: next((a for a in receiver.alerts if a.state == "resolved"), None)
    )
    assert "TEST: nothing is wrong" in alert.summary


def test_a_test_page_that_does_not_get_through_names_the_connection_and_pages_no_other_level(shop: Team):
    shop.receiver.script(PAGERDUTY_PATH, Reaction(status=503))
    words = (*TEST_PAGE, "--class", shop.class_name, "-n", shop.namespace)
    said = plugin(shop.kubectl, "ana", *words, check=False)
    assert said.returncode == ExitCode.REFUSED
    assert said.stderr.startswith("primary: no page gets through: pagerduty ")
    assert "(HTTP503)" in said.stderr
    (incident,) = json.loads(types(shop, "list"))["items"]
    shop.wait_for_phase("Cancelled", incident["metadata"]["name"])
    assert shop.receiver.requests_to(f"/{shop.namespace}/backup") == []


def test_a_verb_that_is_repeated_changes_nothing_and_exits_0(shop: Team):
    declares(shop)
    verbs = (
        ("ack", NAME),
        ("severity", NAME, "SEV-2"),
        ("update", NAME, "Looking."),
        ("escalate", NAME),
        ("mitigate", NAME),
        ("resolve", NAME),
    )
    for verb in verbs:
        first = types(shop, *verb)
        assert "(no change)" not in first, verb
        generation = observed(shop)
        assert "(no change): " in types(shop, *verb), verb
        assert shop.incident(NAME)["metadata"]["generation"] == generation, verb


def test_an_incident_that_is_declared_twice_is_one(shop: Team):
    declares(shop)
    assert f"{NAME} (no change): it is declared, as SEV-1" in declares(shop)
    assert len(json.loads(types(shop, "list"))["items"]) == 1
    types(shop, "resolve", NAME)
    shop.wait_for_phase("Resolved", NAME)
    assert f"{NAME}-2 declared by ana" in declares(shop)


def test_a_snooze_silences_and_its_end_pages_again(shop: Team):
    declares(shop)
    assert "snoozed until" in types(shop, "snooze", NAME, "--for", "1h")
    shop.wait_for(lambda i: i["status"]["escalation"]["state"] == "Snoozed", NAME)
    assert "(no change)" in types(shop, "snooze", NAME, "--for", "1h")
    assert "snooze ended by ana" in types(shop, "snooze", NAME, "--end")
    shop.wait_for(lambda i: i["status"]["escalation"]["state"] == "Waiting", NAME)
    assert "(no change)" in types(shop, "snooze", NAME, "--end")


def test_who_gives_an_incident_back_is_paged_again(shop: Team):
    declares(shop)
    types(shop, "ack", NAME)
    shop.wait_for_phase("Acknowledged", NAME)
    assert "given back by ana" in types(shop, "ack", NAME, "--withdraw")
    shop.wait_for_phase("Triggered", NAME)
    assert "acknowledged by ana" in types(shop, "ack", NAME)
    shop.wait_for_phase("Acknowledged", NAME)


def test_a_refused_verb_shows_what_the_api_server_says(shop: Team):
    declares(shop)
    for words in (["ack", NAME], ["resolve", NAME], ["update", NAME, "text"], ["declare", "Another"]):
        refused = plugin(shop.kubectl, "vi", *words, "-n", shop.namespace, check=False)
        assert refused.returncode == ExitCode.FORBIDDEN, words
        assert 'User "vi" cannot' in refused.stderr, words
        assert "Traceback" not in refused.stderr
    absent = plugin(shop.kubectl, "ana", "ack", "nothing", "-n", shop.namespace, check=False)
    assert (absent.returncode, absent.stdout) == (ExitCode.NOT_FOUND, "")
    assert 'incidents.watchbill.dev "nothing" not found' in absent.stderr


def test_a_verb_that_an_admission_policy_refuses_says_which_verb_is_missing(shop: Team):
    declares(shop)
    role = "--verb=get,list,watch,create,update,patch,declare"
    scope = f"--namespace={shop.namespace}"
    shop.kubectl("create", "role", "declares", role, "--resource=incidents.watchbill.dev", scope)
    shop.kubectl("create", "rolebinding", "bo", "--role=declares", "--user=bo", scope)
    refused = plugin(shop.kubectl, "bo", "ack", NAME, "-n", shop.namespace, check=False)
    assert refused.returncode == ExitCode.FORBIDDEN, refused.stderr
    assert "acknowledge" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_two_people_who_act_at_once_both_get_through(shop: Team):
    declares(shop)
    flags = ("--clusterrole=watchbill-responder", "--user=cy", f"--namespace={shop.namespace}")
    shop.kubectl("create", "rolebinding", "cy", *flags)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda user: types(shop, "ack", NAME, user=user), ("ana", "cy")))
    assert set(shop.incident(NAME)["spec"]["acknowledgedBy"]) == {"ana", "cy"}


def test_objects_are_printed_as_kubectl_prints_them(shop: Team):
    declares(shop)
    assert types(shop, "get", NAME, "-o", "name") == f"incident.watchbill.dev/{NAME}\n"
    assert json.loads(types(shop, "get", NAME))["metadata"]["name"] == NAME
    assert "kind: Incident" in types(shop, "get", NAME, "-o", "yaml")
    assert types(shop, "list", "-o", "wide").splitlines()[0].split()[0] == "NAME"
    assert json.loads(types(shop, "ack", NAME, "-o", "json"))["spec"]["acknowledgedBy"] == {"ana": {}}


def test_a_watch_shows_every_change_until_the_incident_has_ended(shop: Team):
    declares(shop)
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(types, shop, "get", NAME, "--watch")
        types(shop, "ack", NAME)
        shop.wait_for_phase("Acknowledged", NAME)
        types(shop, "cancel", NAME)
        lines = watching.result(timeout=30).splitlines()
    phases = [json.loads(line).get("status", {}).get("phase") for line in lines]
    assert phases[-1] == "Cancelled"


def test_a_watch_ends_where_the_incident_is_deleted(shop: Team):
    declares(shop)
    types(shop, "resolve", NAME)
    shop.wait_for_phase("Resolved", NAME)
    with ThreadPoolExecutor() as pool:
        words = ("get", NAME, "--watch", "-n", shop.namespace)
        watching = pool.submit(plugin, shop.kubectl, "ana", *words, check=False)
        shop.kubectl("delete", "incident", NAME, f"--namespace={shop.namespace}")
        ended = watching.result(timeout=30)
    assert ended.returncode == ExitCode.NOT_FOUND
    assert "not found" in ended.stderr


def test_kubectl_completes_the_names_of_incidents(shop: Team):
    declares(shop)
    words = ("__complete", "watchbill", "ack", "--namespace", shop.namespace, "check")
    said = run_with_plugins(shop.kubectl, "ana", *words)
    assert said.stdout.splitlines()[0] == NAME, said.stderr


def test_kubectl_lists_the_plugin(shop: Team):
    said = run_with_plugins(shop.kubectl, "ana", "plugin", "list", "--name-only")
    assert "kubectl-watchbill" in said.stdout.split()


def test_on_a_terminal_a_watch_is_a_tree_that_ends_with_the_incident(shop: Team):
    declares(shop)
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(on_terminal, shop.kubectl, "ana", "get", NAME, "-w", "-n", shop.namespace)
        types(shop, "cancel", NAME)
        code, drawn = watching.result(timeout=30)
    assert code == 0, drawn
    assert "level primary" in drawn
    assert "Cancelled" in drawn
    assert "\x1b[31m" not in drawn, "NO_COLOR was set"
