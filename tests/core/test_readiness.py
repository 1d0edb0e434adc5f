"""Ready of each kind: its reason, and a message that names the path and says what to do."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support import builders
from tests.support.builders import T0, target
from watchbill.api.condition import Condition
from watchbill.api.connection import Connection, ConnectionSpec
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.group import DEFAULT_CLASS_ANNOTATION
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.api.model import ObjectMeta
from watchbill.api.reasons import Reason
from watchbill.core import readiness
from watchbill.core.effects import ConnectionKey
from watchbill.core.readiness import SecretState
from watchbill.core.references import Reference

CONSOLE: dict[str, Any] = {"console": {}}
SLACK: dict[str, Any] = {"slack": {"botTokenSecretRef": {"name": "slack", "key": "botToken"}}}


def specs(**found: Mapping[str, Any]) -> dict[ConnectionKey, ConnectionSpec]:
    """Connections of namespace shop by name."""
    return {ConnectionKey("shop", name): ConnectionSpec.model_validate(spec) for name, spec in found.items()}


def says(condition: Condition) -> tuple[str, str, str]:
    return condition.status, condition.reason, condition.message


def test_a_policy_whose_connections_exist_is_ready():
    policy = builders.policy()
    policy = policy.model_copy(update={"metadata": policy.metadata.model_copy(update={"generation": 7})})
    condition = readiness.policy_condition(policy, specs(pagerduty=CONSOLE, backup=CONSOLE), T0)
    assert condition == Condition(
        type="Ready",
        status="True",
        reason="ResolvedRefs",
        message="valid, and all that it names exists",
        last_transition_time=T0,
        observed_generation=7,
    )


def test_a_missing_connection_is_named_with_its_path():
    condition = readiness.policy_condition(builders.policy(), specs(pagerduty=CONSOLE), T0)
    assert (condition.status, condition.reason) == ("False", "RefNotFound")
    assert condition.message == (
        "spec.levels[0].targets[0].fallback[0].connectionRef: Connection shop/backup does not exist; "
        "create it or name another; and 2 more"
    )


def test_one_problem_alone_mentions_no_others():
    policy = builders.policy(("one", "5m", [target("gone")]))
    condition = readiness.policy_condition(policy, specs(backup=CONSOLE), T0)
    assert "more" not in condition.message


def test_a_connection_that_cannot_page_is_a_problem():
    policy = builders.policy(("one", "5m", [target("slack")]))
    condition = readiness.policy_condition(policy, specs(slack=SLACK, backup=CONSOLE), T0)
    assert says(condition) == (
        "False",
        "InvalidSpec",
        "spec.levels[0].targets[0].connectionRef: Connection shop/slack is a slack connection, "
        "which cannot page; name one that can",
    )


def test_a_connection_of_an_unknown_vendor_cannot_page():
    policy = builders.policy(("one", "5m", [target("new")]))
    condition = readiness.policy_condition(policy, specs(new={}, backup=CONSOLE), T0)
    assert "Connection shop/new has no vendor that this version knows" in condition.message


AT_HOME = {"connectionRef": {"name": "pager", "namespace": "shop"}}
AGAIN = "Connection shop/pager is paged already and is not paged twice; name another or leave it out"
REPEATED = {
    "in a level": (
        builders.policy(("one", "5m", [target("pager"), AT_HOME])),
        "spec.levels[0].targets",
    ),
    "as the fallback of itself": (
        builders.policy(("one", "5m", [target("backup"), target("pager") | {"fallback": [AT_HOME]}])),
        "spec.levels[0].targets[1].fallback",
    ),
}


@pytest.mark.parametrize(("policy", "path"), REPEATED.values(), ids=REPEATED)
def test_a_connection_that_is_named_again_by_its_namespace_is_told_with_its_path(policy, path):
    condition = readiness.policy_condition(policy, specs(pager=CONSOLE, backup=CONSOLE), T0)
    assert says(condition) == ("False", "InvalidSpec", f"{path}: {AGAIN}")


def foreign_policy() -> EscalationPolicy:
    """A policy of shop that pages through a connection of namespace pay."""
    foreign = {"connectionRef": {"name": "pager", "namespace": "pay"}}
    return builders.policy(("one", "5m", [foreign]))


def foreign_condition(spec: Mapping[str, Any] | None) -> Condition:
    found = specs(backup=CONSOLE)
    if spec is not None:
        found[ConnectionKey("pay", "pager")] = ConnectionSpec.model_validate(spec)
    return readiness.policy_condition(foreign_policy(), found, T0)


@pytest.mark.parametrize(
    "allowed",
    [{"from": "All"}, {"from": "Names", "names": ["shop"]}],
    ids=["to all namespaces", "to this namespace"],
)
def test_a_connection_of_another_namespace_can_be_granted(allowed):
    assert foreign_condition(CONSOLE | {"allowedNamespaces": allowed}).status == "True"


def test_a_refused_connection_of_another_namespace_is_told_from_no_missing_one():
    missing = foreign_condition(None)
    refused = [
        foreign_condition(CONSOLE),
        foreign_condition(CONSOLE | {"allowedNamespaces": {"from": "Names", "names": ["ads"]}}),
        foreign_condition(SLACK),
    ]
    assert refused == [missing] * 3
    assert says(missing) == (
        "False",
        "RefNotPermitted",
        "spec.levels[0].targets[0].connectionRef: Connection pay/pager must exist and list shop in its "
        "spec.allowedNamespaces; ask who owns it",
    )


def incident_class(*channels: str, **more: str) -> IncidentClass:
    """A class `service` with a channel through each of these connections of namespace shop."""
    channel = [
        {"channel": {"connectionRef": {"name": name, "namespace": "shop"}} | more} for name in channels
    ]
    rows: list[dict[str, Any]] = [{"name": "SEV-1", "rank": 1}]
    rows += [{"name": f"C-{rank}", "rank": rank, "response": each} for rank, each in enumerate(channel, 2)]
    spec = {
        "severities": rows,
        "defaultEscalation": {"policyRef": {"name": "all-hands", "namespace": "shop"}},
    }
    return IncidentClass.model_validate({"metadata": {"name": "service"}, "spec": spec})


def all_hands(*allowed: str) -> dict[tuple[str, str], EscalationPolicy]:
    """The default policy, which these classes may use."""
    policy = builders.policy(name="all-hands")
    spec = policy.spec.model_copy(update={"allowed_classes": allowed})
    return {("shop", "all-hands"): policy.model_copy(update={"spec": spec})}


CHAT = SLACK | {"allowedClasses": ["service"]}
CLASSES = {
    "all that it names exists": (
        incident_class(),
        all_hands("service"),
        {},
        ("True", "ResolvedRefs", "valid, and all that it names exists"),
    ),
    "its policy is missing": (
        incident_class(),
        {},
        {},
        (
            "False",
            "RefNotFound",
            "spec.defaultEscalation.policyRef: EscalationPolicy shop/all-hands does not exist; "
            "create it or name another",
        ),
    ),
    "a connection has the name of the missing policy": (
        incident_class(),
        {},
        specs(**{"all-hands": CHAT}),
        (
            "False",
            "RefNotFound",
            "spec.defaultEscalation.policyRef: EscalationPolicy shop/all-hands does not exist; "
            "create it or name another",
        ),
    ),
    "a connection has the name of its policy": (
        incident_class(),
        all_hands("service"),
        specs(**{"all-hands": CONSOLE}),
        ("True", "ResolvedRefs", "valid, and all that it names exists"),
    ),
    "its policy grants other classes": (
        incident_class(),
        all_hands("data"),
        {},
        (
            "False",
            "RefNotPermitted",
            "spec.defaultEscalation.policyRef: EscalationPolicy shop/all-hands must list service in its "
            "spec.allowedClasses",
        ),
    ),
    "its channel is through a chat connection": (
        incident_class("slack"),
        all_hands("service"),
        specs(slack=CHAT),
        ("True", "ResolvedRefs", "valid, and all that it names exists"),
    ),
    "its channel's name is of unknown fields": (
        incident_class("slack", nameTemplate="inc-{{ incident.nmae }}"),
        all_hands("service"),
        specs(slack=CHAT),
        (
            "False",
            "InvalidSpec",
            "spec.severities[1].response.channel.nameTemplate: `incident.nmae` is not known; known are "
            "incident.createdDate, incident.name, incident.namespace, incident.severity, incident.title",
        ),
    ),
    "the names of two channels are no templates": (
        incident_class("slack", "slack", nameTemplate="{{ incident.name }"),
        all_hands("service"),
        specs(slack=CHAT),
        (
            "False",
            "InvalidSpec",
            "spec.severities[1].response.channel.nameTemplate: is no template: unexpected '}'; and 1 more",
        ),
    ),
    "what it says itself comes before what it names": (
        incident_class("slack", nameTemplate="{{ 7 }}"),
        all_hands("service"),
        {},
        (
            "False",
            "InvalidSpec",
            "spec.severities[1].response.channel.nameTemplate: must be text and `{{ incident.FIELD }}` "
            "alone, with filters after a `|` where wanted; and 1 more",
        ),
    ),
    "its channel's connection is missing": (
        incident_class("slack"),
        all_hands("service"),
        {},
        (
            "False",
            "RefNotFound",
            "spec.severities[1].response.channel.connectionRef: Connection shop/slack does not exist; "
            "create it or name another",
        ),
    ),
    "its channel's connection does not grant it": (
        incident_class("slack"),
        all_hands("service"),
        specs(slack=SLACK),
        (
            "False",
            "RefNotPermitted",
            "spec.severities[1].response.channel.connectionRef: Connection shop/slack must list service "
            "in its spec.allowedClasses",
        ),
    ),
    "its channel's connection makes no channels": (
        incident_class("hook"),
        all_hands("service"),
        specs(hook=CONSOLE | {"allowedClasses": ["service"]}),
        (
            "False",
            "InvalidSpec",
            "spec.severities[1].response.channel.connectionRef: Connection shop/hook is a console "
            "connection, which makes no channels",
        ),
    ),
}


@pytest.mark.parametrize(("seen", "policies", "connections", "expected"), CLASSES.values(), ids=CLASSES)
def test_a_class_is_judged_by_what_it_names(seen, policies, connections, expected):
    assert says(readiness.class_condition(seen, policies, connections, ["other"], T0)) == expected


def test_a_class_says_that_its_default_policy_is_suspended():
    ((key, policy),) = all_hands("service").items()
    aside = policy.model_copy(update={"spec": policy.spec.model_copy(update={"suspend": True})})
    status, reason, message = says(readiness.class_condition(incident_class(), {key: aside}, {}, [], T0))
    assert (status, reason) == ("True", "ResolvedRefs")
    assert "; its default policy is suspended: incidents pass it over; to resume it: kubectl" in message


def default_class(value: str = "true") -> IncidentClass:
    """The class `service`, marked as the default."""
    seen = incident_class()
    annotations = {DEFAULT_CLASS_ANNOTATION: value}
    return seen.model_copy(update={"metadata": seen.metadata.model_copy(update={"annotations": annotations})})


DEFAULTS = {
    "it is alone": (["service"], None),
    "there is another": (
        ["service", "data"],
        "IncidentClass data is the default too; remove watchbill.dev/is-default-class from one of them",
    ),
    "there are two others": (
        ["shop", "data", "service"],
        "IncidentClass data, shop is the default too; remove watchbill.dev/is-default-class from all but one",
    ),
}


@pytest.mark.parametrize(("defaults", "told"), DEFAULTS.values(), ids=DEFAULTS)
def test_a_default_class_is_ready_where_it_is_the_only_one(defaults, told):
    condition = readiness.class_condition(default_class(), all_hands("service"), {}, defaults, T0)
    if told is None:
        assert says(condition)[:2] == ("True", "ResolvedRefs")
    else:
        assert says(condition) == ("False", "SecondDefault", f"metadata.annotations: {told}")


def test_a_class_that_is_marked_as_no_default_minds_no_other():
    condition = readiness.class_condition(default_class("false"), all_hands("service"), {}, ["data"], T0)
    assert condition.status == "True"


def connection(spec: Mapping[str, Any]) -> Connection:
    return Connection.model_validate({"metadata": {"name": "c", "namespace": "shop"}, "spec": spec})


def test_a_connection_without_secrets_is_ready():
    hook = connection({"webhook": {"url": "https://example.com/hook"}})
    assert says(readiness.connection_condition(hook, {}, T0))[:2] == ("True", "ResolvedRefs")


def test_a_console_connection_says_that_it_wakes_nobody():
    assert "it wakes nobody" in readiness.connection_condition(connection(CONSOLE), {}, T0).message


PROBLEMS = [
    SecretState(Reason.SECRET_NOT_FOUND, "Secret slack is not in namespace shop; create it"),
    SecretState(Reason.SECRET_KEY_MISSING, "Secret slack has no key botToken; add it"),
    SecretState(Reason.SECRET_FORBIDDEN, "let it: kubectl -n shop create rolebinding watchbill-secrets"),
    SecretState(Reason.INVALID_URL, "key url of Secret shop/slack is not an http or https URL"),
]


@pytest.mark.parametrize("state", PROBLEMS, ids=lambda state: state.reason)
def test_a_secret_that_cannot_be_used_is_told_with_its_path(state):
    condition = readiness.connection_condition(connection(SLACK), {("slack", "botToken"): state}, T0)
    assert says(condition) == ("False", state.reason, f"spec.slack.botTokenSecretRef: {state.message}")


def test_a_secret_that_was_not_read_counts_as_missing():
    assert readiness.connection_condition(connection(SLACK), {}, T0).reason == "SecretNotFound"


def test_a_usable_secret_makes_a_connection_ready():
    states = {("slack", "botToken"): SecretState()}
    assert readiness.connection_condition(connection(SLACK), states, T0).status == "True"


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("webhook.url", {"webhook": {"url": "https://example.com:99999/hook"}}),
        (
            "pagerDuty.baseURL",
            {
                "pagerDuty": {
                    "baseURL": "http://127.0.0.1:65536",
                    "routingKeySecretRef": {"name": "slack", "key": "botToken"},
                }
            },
        ),
    ],
)
def test_a_url_that_no_request_can_go_to_is_told_with_its_path(path, spec):
    states = {("slack", "botToken"): SecretState()}
    assert says(readiness.connection_condition(connection(spec), states, T0)) == (
        "False",
        "InvalidURL",
        f"spec.{path}: is not an http or https URL that a request can go to; mind the port",
    )


def test_a_connection_without_a_vendor_is_told():
    assert says(readiness.connection_condition(connection({}), {}, T0)) == (
        "False",
        "InvalidSpec",
        "spec: set one of pagerDuty, webhook, smtp, console, slack",
    )


URL_REF = Reference("spec.webhook.urlSecretRef", "Secret", "shop", "hook", "url")
KEY_REF = Reference("spec.webhook.signingKeySecretRef", "Secret", "shop", "hook", "signing")
VALUES = {
    "a URL where one belongs": (URL_REF, "https://example.com/hook?a=b", Reason.RESOLVED_REFS),
    "a URL with a line break after it": (URL_REF, "https://example.com/hook\n", Reason.RESOLVED_REFS),
    "a URL without a scheme": (URL_REF, "example.com/hook", Reason.INVALID_URL),
    "a URL of another scheme": (URL_REF, "file:///etc/passwd", Reason.INVALID_URL),
    "a URL with a port that is none": (URL_REF, "https://example.com:99999/hook", Reason.INVALID_URL),
    "a URL with a control character": (URL_REF, "https://example.com/\x07", Reason.INVALID_URL),
    "a URL with user information": (URL_REF, "https://ana:s3cret@example.com/", Reason.INVALID_URL),
    "two lines where a URL belongs": (URL_REF, "https://a.example\nhttps://b.example", Reason.INVALID_URL),
    "nothing but white space": (URL_REF, " \n", Reason.SECRET_KEY_MISSING),
    "an empty key": (KEY_REF, "", Reason.SECRET_KEY_MISSING),
    "a key that is no URL": (KEY_REF, "whsec_abc", Reason.RESOLVED_REFS),
}


@pytest.mark.parametrize(("reference", "value", "reason"), VALUES.values(), ids=VALUES)
def test_a_value_is_judged_by_the_field_that_names_it(reference, value, reason):
    state = readiness.secret_state(reference, value)
    assert state.reason is reason
    assert state.usable is (reason is Reason.RESOLVED_REFS)


def test_no_value_is_ever_told():
    state = readiness.secret_state(URL_REF, "s3cret-token")
    assert state.message == (
        "key url of Secret shop/hook is not an http or https URL such as https://example.com/hook"
    )


def update() -> IncidentUpdate:
    return IncidentUpdate.model_validate(
        {
            "metadata": {"name": "one", "namespace": "shop", "generation": 1},
            "spec": {"incidentRef": {"name": "checkout"}, "audience": ["Internal"], "text": "Looking"},
        }
    )


def test_an_update_of_an_incident_is_posted():
    assert says(readiness.update_condition(update(), True, T0)) == ("True", "Posted", "posted")


def test_an_update_of_no_incident_names_the_incident():
    assert says(readiness.update_condition(update(), False, T0)) == (
        "False",
        "IncidentNotFound",
        "spec.incidentRef: Incident shop/checkout does not exist; create it or name another",
    )


def test_a_spec_that_cannot_be_read_is_told_with_its_path_and_without_its_content():
    with pytest.raises(ValidationError) as caught:
        EscalationPolicy.model_validate(
            {"spec": {"levels": [{"name": "One!", "escalateAfter": "5m", "targets": [target("a")]}]}}
        )
    condition = readiness.invalid_condition(ObjectMeta(generation=3), caught.value, T0)
    assert (condition.status, condition.reason, condition.observed_generation) == ("False", "InvalidSpec", 3)
    assert condition.message.startswith("spec.levels[0].name: ")
    assert condition.message.endswith("; and 1 more")
    assert "One!" not in condition.message


def test_a_message_is_cut_to_what_a_condition_holds_and_keeps_the_number_of_others():
    states = {("slack", "botToken"): SecretState(Reason.SECRET_FORBIDDEN, "x" * 2000)}
    condition = readiness.connection_condition(connection(SLACK), states, T0)
    assert len(condition.message) == 1024
    assert condition.message.endswith("x…")
    both = {
        "urlSecretRef": {"name": "hook", "key": "url"},
        "signingKeySecretRef": {"name": "hook", "key": "key"},
    }
    state = SecretState(Reason.SECRET_FORBIDDEN, "x" * 2000)
    two = readiness.connection_condition(
        connection({"webhook": both}), {("hook", "url"): state, ("hook", "key"): state}, T0
    )
    assert len(two.message) == 1024
    assert two.message.endswith("x…; and 1 more")
