"""`watchbill lint`: what is wrong is found without a cluster, with file, line and path."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.integration.rule_cases import CASES, Case, Change, manifest, merged
from tests.support.manifests import text
from watchbill.cli.conformity import faults, program, rules_of, schema_of
from watchbill.cli.main import app
from watchbill.cli.manifests import DEPTH
from watchbill.core.readiness import field_path

FIRST_STAGE = ("incident-minimal.yaml", "platform.yaml", "team.yaml", "channel.yaml")
HEAD = "apiVersion: watchbill.dev/v1alpha1\n"


class Linted:
    """What the command said of a folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        result = CliRunner().invoke(app, ["lint", *arguments, str(folder)])
        self.exit_code = result.exit_code
        self.lines = [line.removeprefix(f"{folder}/") for line in result.stdout.splitlines()]
        self.stdout, self.stderr = result.stdout, result.stderr
        self.error = result.exception


def write(folder: Path, **files: str) -> Path:
    """The folder, with these YAML files."""
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(textwrap.dedent(content))
    return folder


def flow(kind: str, spec: str, name: str = "x") -> str:
    """A manifest in namespace shop, whose spec is on its fourth line."""
    home = "" if kind == "IncidentClass" else ", namespace: shop"
    return f"{HEAD}kind: {kind}\nmetadata: {{name: {name}{home}}}\nspec: {spec}\n"


PAGER = flow("Connection", "{console: {}}", "pager")
ONE = "{name: one, escalateAfter: 5m, targets: [{connectionRef: {name: pager}}]}"
LAST = "lastResort: {targets: [{connectionRef: {name: pager}}]}"
MAIL = "host: smtp.example.com, from: a@example.com, to: [b@example.com]"
POLICY = flow("EscalationPolicy", f"{{levels: [{ONE}], {LAST}}}")
TEN = "[" + ", ".join(f"{{connectionRef: {{name: p{number}}}}}" for number in range(10)) + "]"
CLASS_TAIL = "defaultEscalation: {policyRef: {name: x, namespace: shop}}"


def severity(fields: str) -> str:
    """A class with one severity that has these fields too."""
    return flow("IncidentClass", f"{{severities: [{{name: SEV-1, rank: 1, {fields}}}], {CLASS_TAIL}}}")


ONE_OBJECT = {
    "a field with a typo": (
        flow("EscalationPolicy", f"{{levels: [{ONE.replace('escalateAfter', 'escalateafter')}], {LAST}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].escalateafter: there is no such field; "
        "did you mean `escalateAfter`?",
    ),
    "a field in a part that has none": (
        flow("Connection", "{console: {sound: loud}}", "pager"),
        "x.yaml:4 Connection/shop/pager spec.console.sound: there is no such field",
    ),
    "a field beside the spec": (
        PAGER + "sepc: {}\n",
        "x.yaml:5 Connection/shop/pager sepc: there is no such field; did you mean `spec`?",
    ),
    "a label that is no text": (
        PAGER.replace("namespace: shop", "namespace: shop, annotations: {default: true}"),
        "x.yaml:3 Connection/shop/pager metadata.annotations.default: must be of type string, not true",
    ),
    "a policy without lastResort": (
        flow("EscalationPolicy", f"{{levels: [{ONE}]}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.lastResort: must be set",
    ),
    "a level without targets": (
        flow("EscalationPolicy", f"{{levels: [{{name: one, escalateAfter: 5m, targets: []}}], {LAST}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets: must not have fewer items than 1",
    ),
    "two levels of one name": (
        flow("EscalationPolicy", f"{{levels: [{ONE}, {ONE}], {LAST}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[1]: 'one' is in the list already",
    ),
    "a class granted twice": (
        flow("Connection", "{console: {}, allowedClasses: [a, b, a]}"),
        "x.yaml:4 Connection/shop/x spec.allowedClasses[2]: 'a' is in the list already",
    ),
    "a number in quotes": (
        flow("EscalationPolicy", f"{{levels: [{ONE}], {LAST}, repeat: {{times: '2'}}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.repeat.times: must be of type integer, not '2'",
    ),
    "a number that is too large": (
        flow("EscalationPolicy", f"{{levels: [{ONE}], {LAST}, repeat: {{times: 10}}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.repeat.times: must be at most 9",
    ),
    "a word that is none of the list": (
        flow("Incident", "{title: Down, severity: SEV-1, mode: Test}"),
        "x.yaml:4 Incident/shop/x spec.mode: must be one of Live, Drill, Backfill, not 'Test'",
    ),
    "a text that is too long": (
        flow("Incident", f"{{title: {'x' * 201}, severity: SEV-1}}"),
        "x.yaml:4 Incident/shop/x spec.title: must not be longer than 200 characters",
    ),
    "a title that nobody can read": (
        flow("Incident", '{title: "\\u3000", severity: SEV-1}'),
        "x.yaml:4 Incident/shop/x spec.title: `title` must say what is wrong: nothing in it can be read",
    ),
    "a moment of the year 0": (
        flow(
            "Incident",
            "{title: Down, severity: SEV-1, escalation: {snoozeUntilTime: '0000-03-09T03:00:00Z'}}",
        ),
        "x.yaml:4 Incident/shop/x spec.escalation.snoozeUntilTime: '0000-03-09T03:00:00Z'",
    ),
    "null where a text must be": (
        flow("Incident", "{title: null, severity: SEV-1}"),
        "x.yaml:4 Incident/shop/x spec.title: must be set",
    ),
    "a moment without an offset": (
        flow(
            "Incident",
            "{title: Down, severity: SEV-1, escalation: {snoozeUntilTime: 2026-03-09T03:00:00}}",
        ),
        "x.yaml:4 Incident/shop/x spec.escalation.snoozeUntilTime: '2026-03-09T03:00:00' is not a date-time",
    ),
    "a duration that is none": (
        flow("EscalationPolicy", f"{{levels: [{ONE.replace('5m', 5 * 'x')}], {LAST}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].escalateAfter: 'xxxxx' does not match",
    ),
    "a policy walked too often": (
        flow(
            "EscalationPolicy",
            f"{{levels: [{ONE.replace('[{connectionRef: {name: pager}}]', TEN)}], {LAST}, "
            "repeat: {times: 9}}",
        ).replace("levels: [", f"levels: [{ONE.replace('name: one', 'name: two')}, "),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels: targets of all levels times rounds must be at most "
        "100: use fewer targets or a smaller `repeat.times`",
    ),
    "a level that waits too long": (
        flow("EscalationPolicy", f"{{levels: [{ONE.replace('5m', '25h')}], {LAST}}}"),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].escalateAfter: `escalateAfter` must be a duration "
        "from 1s to 24h, such as 5m or 1h30m",
    ),
    "a level with a target twice": (
        flow(
            "EscalationPolicy",
            f"{{levels: [{ONE.replace('}}]', '}}, {connectionRef: {name: pager}}]')}], {LAST}}}",
        ),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets: every target must name another "
        "connection: duplicates page nobody twice",
    ),
    "a last resort with a target twice": (
        flow(
            "EscalationPolicy",
            f"{{levels: [{ONE}], {LAST.replace('}}]', '}}, {connectionRef: {name: pager}}]')}}}",
        ),
        "x.yaml:4 EscalationPolicy/shop/x spec.lastResort.targets: every target must name another "
        "connection: duplicates page nobody twice",
    ),
    "a target that is its own fallback": (
        flow(
            "EscalationPolicy",
            f"{{levels: [{ONE.replace('}}]', '}, fallback: [{connectionRef: {name: pager}}]}]')}], {LAST}}}",
        ),
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets[0].fallback: every fallback must name "
        "another connection than its target",
    ),
    "a last resort that is its own fallback": (
        flow(
            "EscalationPolicy",
            f"{{levels: [{ONE}], {LAST.replace('}}]', '}, fallback: [{connectionRef: {name: pager}}]}]')}}}",
        ),
        "x.yaml:4 EscalationPolicy/shop/x spec.lastResort.targets[0].fallback: every fallback must name "
        "another connection than its target",
    ),
    "two severities of one rank": (
        flow(
            "IncidentClass",
            f"{{severities: [{{name: SEV-1, rank: 1}}, {{name: SEV-2, rank: 1}}], {CLASS_TAIL}}}",
        ),
        "x.yaml:4 IncidentClass/x spec.severities: every severity must have a `rank` of its own; "
        "1 is the worst",
    ),
    "an acknowledgement that may take too long": (
        severity("acknowledgeWithin: 25h"),
        "x.yaml:4 IncidentClass/x spec.severities[0].acknowledgeWithin: `acknowledgeWithin` must be",
    ),
    "an acknowledgement that holds too long": (
        severity("acknowledgementTimeout: 169h"),
        "x.yaml:4 IncidentClass/x spec.severities[0].acknowledgementTimeout: `acknowledgementTimeout` must",
    ),
    "updates that are too seldom": (
        severity("updateEvery: 169h"),
        "x.yaml:4 IncidentClass/x spec.severities[0].updateEvery: `updateEvery` must be",
    ),
    "a window that is too short": (
        severity("reopenWindow: 999ms"),
        "x.yaml:4 IncidentClass/x spec.severities[0].reopenWindow: `reopenWindow` must be",
    ),
    "a postmortem that is due too late": (
        severity("postmortem: {policy: Required, dueIn: 8761h}"),
        "x.yaml:4 IncidentClass/x spec.severities[0].postmortem.dueIn: `dueIn` must be",
    ),
    "a connection without a vendor": (
        flow("Connection", "{}"),
        "x.yaml:4 Connection/shop/x spec: exactly one vendor must be set: "
        "`pagerDuty`, `webhook`, `smtp`, `console`, `slack`",
    ),
    "a connection with two vendors": (
        flow("Connection", "{console: {}, webhook: {url: 'https://example.com'}}"),
        "x.yaml:4 Connection/shop/x spec: exactly one vendor must be set: ",
    ),
    "a webhook without a URL": (
        flow("Connection", "{webhook: {}}"),
        "x.yaml:4 Connection/shop/x spec.webhook: exactly one of `url` and `urlSecretRef` must be set",
    ),
    "a webhook with two URLs": (
        flow("Connection", "{webhook: {url: 'https://example.com', urlSecretRef: {name: a, key: b}}}"),
        "x.yaml:4 Connection/shop/x spec.webhook: exactly one of `url` and `urlSecretRef` must be set",
    ),
    "a mail server with half a login": (
        flow("Connection", f"{{smtp: {{{MAIL}, usernameSecretRef: {{name: a, key: b}}}}}}"),
        "x.yaml:4 Connection/shop/x spec.smtp: `usernameSecretRef` and `passwordSecretRef` must be set",
    ),
    "a mail server that gets a password in the clear": (
        flow(
            "Connection",
            f"{{smtp: {{{MAIL}, tls: None, usernameSecretRef: {{name: a, key: b}}, "
            "passwordSecretRef: {name: a, key: c}}}",
        ),
        "x.yaml:4 Connection/shop/x spec.smtp: a password must not travel in the clear: `tls` must be",
    ),
    "a grant that names nobody": (
        flow("Connection", "{console: {}, allowedNamespaces: {from: Names}}"),
        "x.yaml:4 Connection/shop/x spec.allowedNamespaces: `names` must be set when `from` is Names",
    ),
    "a grant by default with names": (
        flow("Connection", "{console: {}, allowedNamespaces: {names: [pay]}}"),
        "x.yaml:4 Connection/shop/x spec.allowedNamespaces: `names` must be set when `from` is Names",
    ),
    "an incident cancelled without a reason": (
        flow("Incident", "{title: Down, severity: SEV-1, state: Cancelled}"),
        "x.yaml:4 Incident/shop/x spec.stateReason: `stateReason` must be set when `state` is Cancelled",
    ),
    "an acknowledgement by nobody": (
        flow("Incident", "{title: Down, severity: SEV-1, acknowledgedBy: {'': {}}}"),
        "x.yaml:4 Incident/shop/x spec.acknowledgedBy: every key of `acknowledgedBy` must be a user name",
    ),
    "a settlement by nobody": (
        flow("Incident", "{title: Down, severity: SEV-1, debtSettledBy: {'': {entries: [a/b]}}}"),
        "x.yaml:4 Incident/shop/x spec.debtSettledBy: every key of `debtSettledBy` must be a user name",
    ),
    "an approval by nobody": (
        flow(
            "IncidentUpdate",
            "{incidentRef: {name: y}, audience: [Public], text: Hello, approvals: {'': {}}}",
        ),
        "x.yaml:4 IncidentUpdate/shop/x spec.approvals: every key of `approvals` must be a user name",
    ),
    "a policy with a long name": (
        POLICY.replace("name: x,", f"name: {'x' * 64},"),
        f"x.yaml:1 EscalationPolicy/shop/{'x' * 64} metadata.name: `metadata.name` must be at most 63",
    ),
    "a class with a long name": (
        severity("description: x").replace("{name: x}", f"{{name: {'x' * 64}}}"),
        f"x.yaml:1 IncidentClass/{'x' * 64} metadata.name: `metadata.name` must be at most 63",
    ),
    "a connection with a long name": (
        PAGER.replace("name: pager", f"name: {'x' * 64}"),
        f"x.yaml:1 Connection/shop/{'x' * 64} metadata.name: `metadata.name` must be at most 63",
    ),
    "an update with a long name": (
        flow("IncidentUpdate", "{incidentRef: {name: y}, audience: [Public], text: Hello}").replace(
            "name: x,", f"name: {'x' * 64},"
        ),
        f"x.yaml:1 IncidentUpdate/shop/{'x' * 64} metadata.name: `metadata.name` must be at most 63",
    ),
    "an object without a name": (
        PAGER.replace("name: pager, ", ""),
        "x.yaml:3 Connection/shop/* metadata.name: must be set",
    ),
    "a name that is none": (
        PAGER.replace("name: pager", "name: My_Pager"),
        "x.yaml:3 Connection/shop/My_Pager metadata.name: 'My_Pager' does not match",
    ),
    "a kind that does not exist": (
        flow("EscalationPolcy", "{}"),
        "x.yaml:1 EscalationPolcy/shop/x: watchbill.dev/v1alpha1 has no kind EscalationPolcy in this "
        "version of Watchbill",
    ),
    "a version that does not exist": (
        PAGER.replace("v1alpha1", "v9"),
        "x.yaml:1 Connection/shop/pager: watchbill.dev/v9 has no kind Connection in this version",
    ),
}
"""A manifest, and how the line begins that says what is wrong with it."""


@pytest.mark.parametrize(("manifest", "expected"), ONE_OBJECT.values(), ids=ONE_OBJECT)
def test_what_one_object_shows_is_found_with_file_and_path(tmp_path: Path, manifest: str, expected: str):
    linted = Linted(write(tmp_path, x=manifest))
    assert [line for line in linted.lines if line.startswith(expected)], linted.lines
    assert linted.exit_code == 1


def test_every_rule_that_one_object_can_break_has_an_example_here():
    said = "\n".join(expected for _, expected in ONE_OBJECT.values())
    unproven = [
        f"{kind} {path}: {rule['message']}"
        for kind, path, rule in rules()
        if not any(kind in line and rule["message"].split(" must ")[0] in line for line in said.splitlines())
    ]
    assert unproven == []


def test_every_rule_can_be_compiled_without_a_cluster():
    assert [program(rule["rule"]) for _, _, rule in rules()]


def rules() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Every rule of a spec that looks at the new object alone, with its kind and path."""
    for kind in ("Incident", "EscalationPolicy", "IncidentClass", "Connection", "IncidentUpdate"):
        schema = schema_of(kind)
        assert schema is not None
        yield from rules_below(kind, "", schema)


def rules_below(kind: str, path: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    yield from ((kind, path, rule) for rule in rules_of(schema))
    for name, child in schema.get("properties", {}).items():
        if path or name != "status":
            yield from rules_below(kind, f"{path}.{name}", child)
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from rules_below(kind, f"{path}[]", schema[keyword])


def judged(side: str) -> list[Any]:
    """The cases that the real API server is asked about too, of rules that need no old object."""
    ours = {rule["message"] for _, _, rule in rules()}
    return [
        pytest.param(case, change, id=f"{case.rule}: {case.message[:40]} [{number}]")
        for case in CASES
        if case.message in ours
        for number, change in enumerate(getattr(case, side))
    ]


def said_offline(case: Case, change: Change) -> list[tuple[str, str]]:
    """The path and the message of each fault; the API server calls the object as a whole `<nil>`."""
    schema = schema_of(case.kind)
    assert schema is not None
    content = manifest(case.kind, case.before or change)
    if case.before is not None:
        content["spec"] = merged(content["spec"], change)
    return [(field_path(fault.path) or "<nil>", fault.message) for fault in faults(schema, content)]


@pytest.mark.parametrize(("case", "change"), judged("passes"))
def test_what_the_api_server_lets_pass_is_let_pass(case: Case, change: Change):
    assert said_offline(case, change) == []


@pytest.mark.parametrize(("case", "change"), judged("refuses"))
def test_what_the_api_server_refuses_is_found_in_the_same_words_and_place(case: Case, change: Change):
    assert (case.blames, case.message) in said_offline(case, change)


FOREIGN = ONE.replace("name: pager}", "name: pager, namespace: pay}")
PAY = PAGER.replace("namespace: shop", "namespace: pay")
SLACK = flow("Connection", "{slack: {botTokenSecretRef: {name: s, key: t}}, allowedClasses: [x]}", "slack")
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\n"
CHANNEL = severity("response: {channel: {connectionRef: {name: chat, namespace: shop}}}")
NAMED = CHANNEL.replace("namespace: shop}}}", "namespace: shop}, nameTemplate: '{{ incident.nmae }}'}}")
CHAT = flow("Connection", "{slack: {botTokenSecretRef: {name: s, key: t}}, allowedClasses: [x]}", "chat")
HOME = "{connectionRef: {name: pager, namespace: shop}}"
DEFAULT = severity("description: x").replace(
    "{name: x}", "{name: x, annotations: {watchbill.dev/is-default-class: 'true'}}"
)
GRANTING = POLICY.replace("lastResort", "allowedClasses: [x], lastResort")
ACROSS = {
    "a policy whose connection is missing": (
        {"x": POLICY},
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets[0].connectionRef: "
        "Connection shop/pager does not exist; create it or name another",
    ),
    "a policy whose connection lies elsewhere without a grant": (
        {"x": flow("EscalationPolicy", f"{{levels: [{FOREIGN}], {LAST}}}"), "pay": PAY, "pager": PAGER},
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets[0].connectionRef: "
        "Connection pay/pager must exist and list shop in its spec.allowedNamespaces",
    ),
    "a policy that pages through a chat": (
        {"x": POLICY.replace("name: pager", "name: slack"), "slack": SLACK},
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets[0].connectionRef: "
        "Connection shop/slack is a slack connection, which cannot page",
    ),
    "a policy that pages one connection under two spellings": (
        {"x": POLICY.replace("[{conn", f"[{HOME}, {{conn", 1), "pager": PAGER},
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets: "
        "Connection shop/pager is paged already and is not paged twice; name another or leave it out",
    ),
    "two default classes": (
        {
            "x": DEFAULT,
            "y": DEFAULT.replace("{name: x,", "{name: y,"),
            "policy": POLICY.replace("lastResort", "allowedClasses: [x, y], lastResort"),
            "pager": PAGER,
        },
        "x.yaml:3 IncidentClass/x metadata.annotations: IncidentClass y is the default too; "
        "remove watchbill.dev/is-default-class from one of them",
    ),
    "a class whose policy is missing": (
        {"x": severity("description: x")},
        "x.yaml:4 IncidentClass/x spec.defaultEscalation.policyRef: "
        "EscalationPolicy shop/x does not exist; create it or name another",
    ),
    "a class whose policy does not grant it": (
        {"x": severity("description: x"), "policy": POLICY, "pager": PAGER},
        "x.yaml:4 IncidentClass/x spec.defaultEscalation.policyRef: "
        "EscalationPolicy shop/x must list x in its spec.allowedClasses",
    ),
    "a class whose channel's connection is missing": (
        {"x": CHANNEL, "policy": GRANTING, "pager": PAGER},
        "x.yaml:4 IncidentClass/x spec.severities[0].response.channel.connectionRef: "
        "Connection shop/chat does not exist",
    ),
    "a class whose channel's connection is no chat": (
        {
            "x": CHANNEL.replace("chat", "hook"),
            "policy": GRANTING,
            "pager": PAGER,
            "hook": flow("Connection", "{console: {}, allowedClasses: [x]}", "hook"),
        },
        "x.yaml:4 IncidentClass/x spec.severities[0].response.channel.connectionRef: "
        "Connection shop/hook is a console connection, which makes no channels",
    ),
    "a class whose channel has a name of unknown fields": (
        {"x": NAMED, "policy": GRANTING, "pager": PAGER, "chat": CHAT},
        "x.yaml:4 IncidentClass/x spec.severities[0].response.channel.nameTemplate: "
        "`incident.nmae` is not known; known are incident.createdDate, ",
    ),
    "a connection whose Secret lacks the key": (
        {"x": SLACK, "s": SECRET + "stringData: {other: abc}\n"},
        "x.yaml:4 Connection/shop/slack spec.slack.botTokenSecretRef: "
        "Secret shop/s has no key t; add it or name another",
    ),
    "a connection whose Secret is empty": (
        {"x": SLACK, "s": SECRET + "data: {t: Cg==}\n"},
        "x.yaml:4 Connection/shop/slack spec.slack.botTokenSecretRef: "
        "key t of Secret shop/s is empty; give it a value",
    ),
    "a connection whose Secret holds no URL": (
        {
            "x": flow("Connection", "{webhook: {urlSecretRef: {name: s, key: t}}}"),
            "s": SECRET + "stringData: {t: example.com}\n",
        },
        "x.yaml:4 Connection/shop/x spec.webhook.urlSecretRef: "
        "key t of Secret shop/s is not an http or https URL",
    ),
}


@pytest.mark.parametrize(("files", "expected"), ACROSS.values(), ids=ACROSS)
def test_what_objects_say_of_each_other_is_found_with_file_and_path(tmp_path: Path, files, expected):
    linted = Linted(write(tmp_path, **files))
    assert [line for line in linted.lines if line.startswith(expected)], linted.lines
    assert linted.exit_code == 1


WARNED = {
    "a Secret that is not in the files": (
        {"x": SLACK},
        "x.yaml:4 Connection/shop/slack spec.slack.botTokenSecretRef: warning: Secret shop/s is not in "
        "these files; it must exist in the cluster",
    ),
    "an incident of a class that is not in the files": (
        {"x": flow("Incident", "{title: Down, severity: SEV-1, classRef: {name: service}}")},
        "x.yaml:4 Incident/shop/x spec.classRef: warning: IncidentClass service is not in these files",
    ),
    "an update of an incident that is not in the files": (
        {"x": flow("IncidentUpdate", "{incidentRef: {name: y}, audience: [Public], text: Hello}")},
        "x.yaml:4 IncidentUpdate/shop/x spec.incidentRef: warning: Incident shop/y is not in these files",
    ),
    "a status": (
        {"x": PAGER + "status: {observedGeneration: 1}\n"},
        "x.yaml:5 Connection/shop/pager status: warning: the operator writes it; leave it out",
    ),
    "an object that another file has too": (
        {"w": PAGER, "x": PAGER},
        "x.yaml:1 Connection/shop/pager: warning: is also at ",
    ),
}


@pytest.mark.parametrize(("files", "expected"), WARNED.values(), ids=WARNED)
def test_what_may_be_right_is_warned_of_and_fails_nothing(tmp_path: Path, files, expected):
    linted = Linted(write(tmp_path, **files))
    (line,) = linted.lines
    assert line.startswith(expected)
    assert linted.exit_code == 0


def test_an_object_that_is_twice_in_one_file_is_an_error(tmp_path: Path):
    linted = Linted(write(tmp_path, x=f"{PAGER}---\n{PAGER}"))
    assert linted.exit_code == 1
    assert linted.lines[0].startswith("x.yaml:6 Connection/shop/pager: is also at ")


def test_two_objects_with_generated_names_are_two(tmp_path: Path):
    manifest = flow("Incident", "{title: Down, severity: SEV-1}").replace("name: x", "generateName: x-")
    assert Linted(write(tmp_path, x=f"{manifest}---\n{manifest}")).exit_code == 0


def test_each_missing_field_is_told_once(tmp_path: Path):
    linted = Linted(write(tmp_path, x=flow("IncidentUpdate", "{}")))
    assert linted.lines == [
        f"x.yaml:4 IncidentUpdate/shop/x spec.{name}: must be set"
        for name in ("audience", "incidentRef", "text")
    ]


def test_what_the_api_server_refuses_is_not_told_again_by_the_rules_of_the_operator(tmp_path: Path):
    twice = POLICY.replace("[{conn", "[{connectionRef: {name: pager}}, {conn", 1)
    (line,) = Linted(write(tmp_path, x=twice, pager=PAGER)).lines
    assert "every target must name another connection" in line


def test_a_folder_without_manifests_is_told_and_no_error(tmp_path: Path):
    (tmp_path / "notes.txt").write_text(POLICY)
    linted = Linted(tmp_path)
    assert f"no manifest was found in {tmp_path}: name another folder" in linted.stderr
    assert (linted.lines, linted.exit_code) == ([], 0)
    assert "no manifest" not in Linted(write(tmp_path, pager=PAGER)).stderr


def test_what_is_right_says_nothing(tmp_path: Path):
    linted = Linted(write(tmp_path, policy=GRANTING, pager=PAGER, x=severity("description: x")))
    assert (linted.lines, linted.exit_code) == ([], 0)


def test_an_object_that_is_wrong_in_itself_is_not_called_missing(tmp_path: Path):
    linted = Linted(write(tmp_path, x=POLICY, pager=flow("Connection", "{console: 5}", "pager")))
    (line,) = linted.lines
    assert line.startswith("pager.yaml:4 Connection/shop/pager spec.console: must be of type object, not 5")


def test_both_sorts_of_mistakes_are_found_in_one_go(tmp_path: Path):
    wrong = flow("EscalationPolicy", f"{{levels: [{ONE.replace('5m', '25h')}], {LAST}}}")
    paths = [line.partition(": ")[0] for line in Linted(write(tmp_path, x=wrong)).lines]
    assert paths == [
        "x.yaml:4 EscalationPolicy/shop/x spec.lastResort.targets[0].connectionRef",
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].escalateAfter",
        "x.yaml:4 EscalationPolicy/shop/x spec.levels[0].targets[0].connectionRef",
    ]


def test_the_line_is_that_of_the_field_in_its_document(tmp_path: Path):
    linted = Linted(
        write(
            tmp_path,
            x=f"""\
            # The first document.
            ---
            {PAGER.replace(chr(10), chr(10) + " " * 12)}
            ---
            apiVersion: watchbill.dev/v1alpha1
            kind: EscalationPolicy
            metadata: {{name: x, namespace: shop}}
            spec:
              levels:
              - name: one
                escalateAfter: 5m
                targets:
                - connectionRef: {{name: pager}}
                  fallback:
                  - connectionRef:
                      name: gone
              lastResort:
                targets:
                - connectionRef: {{name: pager}}
            """,
        )
    )
    assert linted.lines == [
        "x.yaml:19 EscalationPolicy/shop/x spec.levels[0].targets[0].fallback[0].connectionRef: "
        "Connection shop/gone does not exist; create it or name another"
    ]


NOT_YAML = {
    "a bracket that is not closed": ("a: [", "x.yaml:1: not YAML: "),
    "a tab": ("a: 1\n\tb: 2\n", "x.yaml:2: not YAML: "),
    "an alias of nothing": ("a: *b\n", "x.yaml:1: not YAML: "),
    "a byte that is no text": ("a: \x00\n", "x.yaml:1: cannot be read: "),
    "a key that is no text": (HEAD + "kind: Connection\n? [a]\n: b\n", "x.yaml:3: a key must be"),
    "an alias of itself": (HEAD + "kind: Connection\nspec: &a\n  b: *a\n", "x.yaml:3: deeper than 60 levels"),
    "brackets without end": (HEAD + f"kind: List\nitems: {'[' * 1500}\n", "x.yaml:1: cannot be read: "),
    "aliases that multiply": (
        f"{HEAD}kind: Connection\na0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
        "x.yaml:3: deeper than 60 levels or larger than 200000 values",
    ),
    "a key that is given twice": (
        PAGER + "spec: {console: {}}\n",
        "x.yaml:4 spec: given more than once; only the last counts",
    ),
}


@pytest.mark.parametrize(("content", "expected"), NOT_YAML.values(), ids=NOT_YAML)
def test_a_file_that_cannot_be_read_is_a_finding_and_no_traceback(tmp_path: Path, content, expected):
    linted = Linted(write(tmp_path, x=content))
    assert linted.exit_code == 1, linted.error
    assert [line for line in linted.lines if line.startswith(expected)], linted.lines


def test_what_stands_before_a_mistake_is_still_read(tmp_path: Path):
    linted = Linted(write(tmp_path, x=f"{POLICY}---\na: ["))
    assert [line.partition(": ")[0].partition(" ")[0] for line in linted.lines] == ["x.yaml:4"] * 2 + [
        "x.yaml:6"
    ]


def test_nesting_as_deep_as_people_write_it_is_read(tmp_path: Path):
    assert DEPTH > 50
    merged = PAGER.replace("spec: ", "x: &base {allowedClasses: [a]}\nspec:\n  <<: *base\n  ").replace(
        "{console: {}}", "console: {}"
    )
    linted = Linted(write(tmp_path, x=merged))
    assert linted.lines == ["x.yaml:4 Connection/shop/pager x: there is no such field"]


IGNORED = {
    "an object of another group": "apiVersion: v1\nkind: ConfigMap\nmetadata: {nmae: x}\n",
    "a document that is no object": "- 1\n- 2\n",
    "an empty document": "---\n---\n",
    "a tag of another tool": "a: !vault |\n  abc\n? [complex]\n: 1\n",
}


@pytest.mark.parametrize("content", IGNORED.values(), ids=IGNORED)
def test_what_is_not_ours_is_let_be(tmp_path: Path, content: str):
    linted = Linted(write(tmp_path, x=content))
    assert (linted.lines, linted.exit_code) == ([], 0)


ODD = {
    "numbers that fit nowhere": PAGER.replace("{name: pager,", f"{{name: pager, generation: {10**30},"),
    "metadata that is a text": PAGER.replace("{name: pager, namespace: shop}", "none"),
    "a spec that is a list": flow("EscalationPolicy", "[{levels: []}]"),
    "no metadata at all": HEAD + "kind: IncidentClass\nspec: {}\n",
    "a Secret that is none": SLACK + "---\n" + SECRET + "data: 5\nstringData: [t]\n",
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_nobody_would_write_is_no_traceback(tmp_path: Path, content: str):
    linted = Linted(write(tmp_path, x=content))
    assert isinstance(linted.error, SystemExit | None)


def test_hidden_folders_and_other_files_are_let_be(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    write(tmp_path / ".git", x=POLICY)
    (tmp_path / "notes.txt").write_text(POLICY)
    assert Linted(tmp_path).exit_code == 0


def test_files_are_read_in_all_folders_below(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.yml").write_text(POLICY)
    assert Linted(tmp_path).lines[0].startswith("a/b/x.yml:4 EscalationPolicy/shop/x ")


def test_the_objects_of_a_list_are_objects(tmp_path: Path):
    items = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(POLICY), yaml.safe_load(PAGER)]}
    )
    assert Linted(write(tmp_path, x=items)).exit_code == 0
    broken = items.replace('"console"', '"consol"')
    assert "spec.consol: there is no such field; did you mean `console`?" in "\n".join(
        Linted(write(tmp_path, x=broken)).lines
    )


def test_an_object_without_a_namespace_is_in_the_one_that_is_given(tmp_path: Path):
    bare = PAGER.replace(", namespace: shop", "")
    write(tmp_path, x=POLICY, pager=bare)
    assert Linted(tmp_path).exit_code == 1
    assert Linted(tmp_path, "--namespace", "shop").exit_code == 0


def test_findings_can_be_had_as_json(tmp_path: Path):
    linted = Linted(write(tmp_path, x=flow("Connection", "{webhook: {}}")), "-o", "json")
    assert json.loads(linted.stdout) == [
        {
            "file": str(tmp_path / "x.yaml"),
            "line": 4,
            "object": "Connection/shop/x",
            "path": "spec.webhook",
            "message": "exactly one of `url` and `urlSecretRef` must be set",
            "level": "error",
        }
    ]
    assert linted.exit_code == 1


def test_a_folder_that_does_not_exist_is_an_error_of_use(tmp_path: Path):
    assert Linted(tmp_path / "gone").exit_code == 2


def test_the_acceptance_manifests_are_clean(tmp_path: Path):
    for name in FIRST_STAGE:
        (tmp_path / name).write_text(text(name))
    linted = Linted(tmp_path)
    # channel.yaml is applied over platform.yaml.
    (line,) = linted.lines
    assert line.startswith("platform.yaml:6 IncidentClass/service: warning: is also at ")
    assert linted.exit_code == 0
