"""`kubectl watchbill` as the persons of a team, against the real API server and the real operator."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dev.layout import REPOSITORY
from tests.support.builders import target
from tests.support.plugin import on_terminal, plugin, run_with_plugins
from tests.support.team import Team
from watchbill.cli.plugin.failure import ExitCode

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

TITLE = "Checkout returns 500"
NAME = "checkout-returns-500"


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


@pytest.mark.feature("F67.core")
def test_a_person_takes_an_incident_from_declaration_to_resolution(shop: Team):
    said = declares(shop)
    assert said.startswith(f"incident.watchbill.dev/{NAME} declared by ana as SEV-1\n")
    assert "paging primary: pagerduty accepted at " in said
    assert "next: secondary at " in said
    assert types(shop, "escalate", NAME) == (
        f"incident.watchbill.dev/{NAME} escalated to the next level by ana\n"
    )
    shop.receiver.wait_for(lambda r: r.requests_to(f"/{shop.namespace}/backup"), timeout=10)
    assert types(shop, "ack", NAME, "-m", "on it").endswith(f"/{NAME} acknowledged by ana\n")
    scope = f"--namespace={shop.namespace}"
    shop.kubectl("wait", "--for=condition=Acknowledged", f"incident/{NAME}", scope, "--timeout=10s")
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
