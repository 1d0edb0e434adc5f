"""What the real API server makes of the generated CRDs, apart from their CEL rules."""

import json

import pytest

from dev.waiting import wait_until
from tests.integration.objects import create, declare, judged, read, write_status
from tests.integration.rule_cases import BASES, MAIL, OTHER, TARGET, levels, manifest
from watchbill.api.crd import crds, render_yaml
from watchbill.api.group import GROUP
from watchbill.api.kinds import KINDS

pytestmark = pytest.mark.cluster

PLURALS = [kind.plural for kind in KINDS]
SETTLE_SECONDS = 30.0
TRIALS, LATER = "trials.example.com", "later.example.com"


def as_trial(crd, group=TRIALS):
    """The CRD under names of its own, with which the test that has this group may do what it likes."""
    copy = json.loads(json.dumps(crd))
    plural = f"trials-of-{crd['spec']['names']['plural']}"
    names = {"kind": "Trial", "listKind": "TrialList", "plural": plural, "singular": plural.removesuffix("s")}
    copy["metadata"]["name"] = f"{plural}.{group}"
    copy["spec"] |= {"group": group, "names": names}
    return copy


def test_every_crd_is_accepted_strictly_and_without_a_warning(kubectl):
    fresh = render_yaml(as_trial(crd) for crd in crds())
    answer = kubectl("create", "--dry-run=server", "--validate=strict", "--filename=-", input=fresh)
    assert len(answer.stdout.splitlines()) == len(KINDS)
    assert answer.stderr == ""


@pytest.mark.parametrize("plural", PLURALS)
def test_a_crd_is_structural_and_established(kubectl, plural):
    crd = json.loads(kubectl("get", "crd", f"{plural}.{GROUP}", "--output=json").stdout)
    conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions
    assert "KubernetesAPIApprovalPolicyConformant" not in conditions


def test_who_writes_the_spec_cannot_touch_the_status(admin):
    create(admin, manifest("Incident", {}) | {"status": {"phase": "Closed"}})
    assert "status" not in read(admin)
    patch = {"spec": {"title": "Checkout is slow"}, "status": {"phase": "Closed"}}
    assert admin.ask("PATCH", admin.path("incidents", "example"), patch).succeeded
    assert read(admin)["spec"]["title"] == "Checkout is slow"
    assert "status" not in read(admin)


def test_who_writes_the_status_cannot_touch_the_spec(admin):
    declare(admin)
    patch = {"spec": {"title": "Another"}, "status": {"phase": "Triggered"}}
    assert admin.ask("PATCH", admin.path("incidents", "example/status"), patch).succeeded
    found = read(admin)
    assert (found["spec"]["title"], found["status"]["phase"]) == ("Checkout returns 500", "Triggered")


def test_a_status_of_an_older_or_a_newer_operator_is_accepted(admin):
    declare(admin)
    newer = {
        "phase": "Mobilizing",
        "escalation": {"state": "Paused", "newer": 1},
        "pages": [{"id": "p-1", "hops": [{"state": "Bounced"}]}],
    }
    write_status(admin, newer)
    status = read(admin)["status"]
    assert status["pages"] == newer["pages"]
    assert status["escalation"] == {"state": "Paused"}


def test_no_default_appears_in_a_status(admin):
    frozen = {"class": {"severities": [{"name": "SEV-1"}]}, "policy": {"levels": [{"name": "a"}]}}
    declare(admin, **frozen)
    assert read(admin)["status"] == frozen


def test_defaults_appear_in_a_spec_where_absence_would_puzzle(admin):
    declare(admin)
    assert read(admin)["spec"]["mode"] == "Live"
    assert "state" not in read(admin)["spec"]


def bookmarked(*urls):
    """A severity whose channel has these links, all of one title."""
    bookmarks = [{"title": "Runbook", "url": url} for url in urls]
    channel = {"connectionRef": {"name": "slack", "namespace": "platform"}, "bookmarks": bookmarks}
    return {"name": "SEV-1", "rank": 1, "response": {"channel": channel}}


REFUSED = {
    "a policy without lastResort": (
        "EscalationPolicy",
        {"lastResort": None},
        "spec.lastResort: Required value",
    ),
    "a policy without levels": (
        "EscalationPolicy",
        {"levels": []},
        "spec.levels: Invalid value",
    ),
    "duplicate targets": (
        "EscalationPolicy",
        {"lastResort": {"targets": [OTHER, TARGET, OTHER]}},
        "spec.lastResort.targets: Invalid value",
    ),
    "two levels of one name": (
        "EscalationPolicy",
        {"levels": [*levels(1, 1), *levels(1, 1)]},
        "spec.levels[1]: Duplicate value",
    ),
    "a level without targets": (
        "EscalationPolicy",
        {"levels": [{"name": "primary", "escalateAfter": "5m", "targets": []}]},
        "spec.levels[0].targets: Invalid value",
    ),
    "unbounded rounds": (
        "EscalationPolicy",
        {"repeat": {"times": 1_000_000}},
        "spec.repeat.times: Invalid value",
    ),
    "a hundred and eight targets in all rounds": (
        "EscalationPolicy",
        {"levels": levels(6, 6), "repeat": {"times": 2}},
        "spec.levels: Invalid value",
    ),
    "eleven levels": ("EscalationPolicy", {"levels": levels(1, 11)}, "spec.levels: Too many: 11"),
    "days in a duration": (
        "EscalationPolicy",
        {"levels": [{"name": "primary", "escalateAfter": "1d", "targets": [TARGET]}]},
        "spec.levels[0].escalateAfter: Invalid value",
    ),
    "a number as a duration": (
        "EscalationPolicy",
        {"levels": [{"name": "primary", "escalateAfter": 300, "targets": [TARGET]}]},
        "spec.levels[0].escalateAfter: Invalid value",
    ),
    "a malformed URL": (
        "Connection",
        {"console": None, "webhook": {"url": "hooks.example.com/page"}},
        "spec.webhook.url: Invalid value",
    ),
    "a URL with a password": (
        "Connection",
        {"console": None, "webhook": {"url": "https://ana:secret@hooks.example.com"}},
        "spec.webhook.url: Invalid value",
    ),
    "an origin with a query": (
        "Connection",
        {
            "console": None,
            "slack": {
                "botTokenSecretRef": {"name": "slack", "key": "token"},
                "baseURL": "https://slack.com/?x=1",
            },
        },
        "spec.slack.baseURL: Invalid value",
    ),
    "a mail to nobody": (
        "Connection",
        {"console": None, "smtp": MAIL | {"to": []}},
        "spec.smtp.to: Invalid value",
    ),
    "a mail to more than twenty": (
        "Connection",
        {"console": None, "smtp": MAIL | {"to": [f"a{n}@example.com" for n in range(21)]}},
        "spec.smtp.to: Too many: 21",
    ),
    "a mail address with a line break": (
        "Connection",
        {"console": None, "smtp": MAIL | {"to": ["ana@example.com\r\nBcc: bo@example.com"]}},
        "spec.smtp.to[0]: Invalid value",
    ),
    "a mail address with a display name": (
        "Connection",
        {"console": None, "smtp": MAIL | {"from": "Ana <ana@example.com>"}},
        "spec.smtp.from: Invalid value",
    ),
    "a mail server with its port in the host": (
        "Connection",
        {"console": None, "smtp": MAIL | {"host": "smtp.example.com/25"}},
        "spec.smtp.host: Invalid value",
    ),
    "a class without defaultEscalation": (
        "IncidentClass",
        {"defaultEscalation": None},
        "spec.defaultEscalation: Required value",
    ),
    "a cluster-scoped reference without namespace": (
        "IncidentClass",
        {"defaultEscalation": {"policyRef": {"namespace": None}}},
        "spec.defaultEscalation.policyRef.namespace: Required value",
    ),
    "a rank beyond the matrix": (
        "IncidentClass",
        {"severities": [{"name": "SEV-1", "rank": 11}]},
        "spec.severities[0].rank: Invalid value",
    ),
    "a bookmark beyond ASCII": (
        "IncidentClass",
        {"severities": [bookmarked("https://example.com/caf\u00e9")]},
        "spec.severities[0].response.channel.bookmarks[0].url: Invalid value",
    ),
    "two bookmarks of one title": (
        "IncidentClass",
        {"severities": [bookmarked("https://example.com/a", "https://example.com/b")]},
        "spec.severities[0].response.channel.bookmarks[1]: Duplicate value",
    ),
    "a title of 201 characters": (
        "Incident",
        {"title": "x" * 201},
        "spec.title: Too long",
    ),
    "an incident without severity": (
        "Incident",
        {"severity": None},
        "spec.severity: Required value",
    ),
    "a state that nobody knows": (
        "Incident",
        {"state": "Done"},
        'spec.state: Unsupported value: "Done"',
    ),
    "a time without zone": (
        "Incident",
        {"escalation": {"snoozeUntilTime": "2026-01-01T00:00:00"}},
        "spec.escalation.snoozeUntilTime: Invalid value",
    ),
    "an audience twice": (
        "IncidentUpdate",
        {"audience": ["Internal", "Internal"]},
        'spec.audience[1]: Duplicate value: "Internal"',
    ),
    "an audience of nobody": (
        "IncidentUpdate",
        {"audience": []},
        "spec.audience: Invalid value",
    ),
    "an unknown field": (
        "Incident",
        {"serverity": "SEV-1"},
        'unknown field "spec.serverity"',
    ),
}


@pytest.mark.feature("F62.core")
@pytest.mark.parametrize(("kind", "change", "said"), REFUSED.values(), ids=REFUSED)
def test_what_one_object_shows_to_be_wrong_is_refused_with_its_path(admin, kind, change, said):
    answer = judged(admin, manifest(kind, change))
    assert not answer.succeeded
    assert said in answer.message


@pytest.mark.feature("F62.core")
def test_kubectl_tells_people_of_every_field_that_is_refused(kubectl, namespace):
    wanted = json.dumps(manifest("EscalationPolicy", {"lastResort": None, "levels": []}))
    answer = kubectl("create", f"--namespace={namespace}", "--filename=-", input=wanted, check=False)
    assert answer.returncode == 1
    assert "spec.lastResort: Required value" in answer.stderr
    assert "spec.levels: Invalid value" in answer.stderr


@pytest.mark.parametrize("kind", BASES)
def test_the_least_that_a_kind_takes_is_accepted(admin, kind):
    answer = judged(admin, manifest(kind, {}))
    assert answer.succeeded, answer.message


def test_levels_of_two_managers_are_merged_and_keep_their_order(admin):
    base = manifest("EscalationPolicy", {})
    admin.apply(base, manager="team")
    more = {"name": "managers", "escalateAfter": "10m", "targets": [OTHER]}
    admin.apply(base | {"spec": {"levels": [more]}}, manager="platform")
    admin.apply(base, manager="team")
    spec = read(admin, "EscalationPolicy")["spec"]
    assert [level["name"] for level in spec["levels"]] == ["primary", "managers"]
    assert spec["lastResort"] == {"targets": [TARGET]}


def test_an_overlay_adds_to_a_row_of_the_severity_matrix(admin):
    base = manifest("IncidentClass", {}, name=f"{admin.namespace[:54]}-merged")
    admin.apply(base, manager="platform")
    rows = [{"name": "SEV-1", "updateEvery": "15m"}, {"name": "SEV-2", "rank": 2}]
    admin.apply(base | {"spec": {"severities": rows}}, manager="overlay")
    first, second = read(admin, "IncidentClass", base["metadata"]["name"])["spec"]["severities"]
    assert (first["rank"], first["updateEvery"]) == (1, "15m")
    assert second["name"] == "SEV-2"


def test_an_unchanged_field_that_a_later_schema_forbids_stays_accepted(kubectl, namespace):
    crd = as_trial(crds()[0], LATER)
    name = crd["metadata"]["name"]
    kubectl("apply", "--server-side", "--filename=-", input=json.dumps(crd))
    kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
    trial = {"apiVersion": f"{LATER}/v1alpha1", "kind": "Trial"}
    document = manifest("Incident", {"title": "x" * 150}) | trial

    def complaint_of_creating():
        words = (f"--namespace={namespace}", "--filename=-")
        return kubectl("create", *words, input=json.dumps(document), check=False).stderr or None

    wait_until(complaint_of_creating, SETTLE_SECONDS)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["title"]["maxLength"] = 100
    kubectl("apply", "--server-side", "--filename=-", input=json.dumps(crd))

    def patched(**change):
        words = (f"{name}/example", f"--namespace={namespace}", "--type=merge")
        patch = json.dumps({"spec": change})
        return kubectl("patch", *words, f"--patch={patch}", "--dry-run=server", check=False)

    def complaint_of_the_old_bound():
        refused = "may not be more than 100" in patched(title="y" * 150).stderr
        return None if refused else "the tightened bound is not in force."

    wait_until(complaint_of_the_old_bound, SETTLE_SECONDS)
    assert patched(summary="All cards, all countries.").returncode == 0
