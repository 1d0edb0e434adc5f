"""What objects refer to, and who may refer to whom."""

import pytest

from tests.support import builders
from tests.support.builders import target
from watchbill.api.connection import AllowedNamespaces, Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.core.references import Reference, class_granted, granted, references, repeated_connections

GRANTS = {
    "its own namespace may, though nothing is granted": (None, "shop", True),
    "another may not, where nothing is granted": (None, "pay", False),
    "another may not, where the grant says Same": ({"from": "Same"}, "pay", False),
    "its own may, where the grant says Same": ({"from": "Same"}, "shop", True),
    "any may, where the grant says All": ({"from": "All"}, "pay", True),
    "one that is named may": ({"from": "Names", "names": ["ads", "pay"]}, "pay", True),
    "one that is not named may not": ({"from": "Names", "names": ["ads"]}, "pay", False),
    "its own may, though others are named": ({"from": "Names", "names": ["ads"]}, "shop", True),
    "a name is no prefix": ({"from": "Names", "names": ["pay"]}, "pay-test", False),
}


@pytest.mark.parametrize(("allowed", "referrer", "expected"), GRANTS.values(), ids=GRANTS)
def test_namespaces_are_granted(allowed, referrer, expected):
    grant = None if allowed is None else AllowedNamespaces.model_validate(allowed)
    assert granted("shop", grant, referrer) is expected


def test_a_class_is_granted_by_name_alone():
    assert class_granted(("service",), "service")
    assert not class_granted(("service",), "serv")


def test_an_empty_list_grants_no_class():
    assert not class_granted((), "service")


def test_a_policy_names_its_connections_in_the_order_of_paging():
    policy = builders.policy(
        ("one", "5m", [target("a", "b", "c"), target("d")]), ("two", "5m", [target("e")]), last_resort="f"
    )
    assert references(policy) == (
        Reference("spec.levels[0].targets[0].connectionRef", "Connection", "shop", "a"),
        Reference("spec.levels[0].targets[0].fallback[0].connectionRef", "Connection", "shop", "b"),
        Reference("spec.levels[0].targets[0].fallback[1].connectionRef", "Connection", "shop", "c"),
        Reference("spec.levels[0].targets[1].connectionRef", "Connection", "shop", "d"),
        Reference("spec.levels[1].targets[0].connectionRef", "Connection", "shop", "e"),
        Reference("spec.lastResort.targets[0].connectionRef", "Connection", "shop", "f"),
    )


def test_a_connection_is_named_in_vain_within_its_own_list_alone():
    home = {"connectionRef": {"name": "a", "namespace": "shop"}}
    elsewhere = {"connectionRef": {"name": "a", "namespace": "pay"}}
    twice = builders.policy(
        ("one", "5m", [target("a"), target("b", "a"), elsewhere, home]),
        ("two", "5m", [home | {"fallback": [elsewhere, target("a")]}]),
        last_resort="a",
    )
    assert list(repeated_connections(twice)) == [
        (
            "spec.levels[0].targets",
            Reference("spec.levels[0].targets[3].connectionRef", "Connection", "shop", "a"),
        ),
        (
            "spec.levels[1].targets[0].fallback",
            Reference("spec.levels[1].targets[0].fallback[1].connectionRef", "Connection", "shop", "a"),
        ),
    ]


def test_a_namespace_in_a_reference_wins_over_the_referrers():
    policy = EscalationPolicy.model_validate(
        {
            "metadata": {"name": "primary", "namespace": "shop"},
            "spec": {
                "levels": [
                    {
                        "name": "one",
                        "escalateAfter": "5m",
                        "targets": [{"connectionRef": {"name": "a", "namespace": "pay"}}],
                    }
                ],
                "lastResort": {"targets": [target("b")]},
            },
        }
    )
    assert [str(reference) for reference in references(policy)] == ["Connection pay/a", "Connection shop/b"]


def test_a_class_names_its_policy_and_its_channels_but_no_policy_by_name_alone():
    channel = {"channel": {"connectionRef": {"name": "slack", "namespace": "incident-platform"}}}
    incident_class = IncidentClass.model_validate(
        {
            "metadata": {"name": "service"},
            "spec": {
                "severities": [
                    {"name": "SEV-1", "rank": 1, "escalation": {"policyName": "primary"}},
                    {"name": "SEV-2", "rank": 2, "response": channel},
                    {"name": "SEV-3", "rank": 3, "response": {}},
                ],
                "defaultEscalation": {"policyRef": {"name": "all-hands", "namespace": "incident-platform"}},
            },
        }
    )
    assert references(incident_class) == (
        Reference("spec.defaultEscalation.policyRef", "EscalationPolicy", "incident-platform", "all-hands"),
        Reference(
            "spec.severities[1].response.channel.connectionRef", "Connection", "incident-platform", "slack"
        ),
    )


def test_a_connection_names_the_keys_of_its_secrets():
    webhook = {
        "urlSecretRef": {"name": "hook", "key": "url"},
        "signingKeySecretRef": {"name": "hook", "key": "signing"},
    }
    connection = Connection.model_validate(
        {"metadata": {"name": "hook", "namespace": "shop"}, "spec": {"webhook": webhook}}
    )
    assert references(connection) == (
        Reference("spec.webhook.urlSecretRef", "Secret", "shop", "hook", "url"),
        Reference("spec.webhook.signingKeySecretRef", "Secret", "shop", "hook", "signing"),
    )


def test_an_update_names_its_incident():
    update = IncidentUpdate.model_validate(
        {
            "metadata": {"name": "one", "namespace": "shop"},
            "spec": {"incidentRef": {"name": "checkout"}, "audience": ["Internal"], "text": "Looking"},
        }
    )
    assert references(update) == (Reference("spec.incidentRef", "Incident", "shop", "checkout"),)


def test_an_incident_names_a_class_only_where_it_says_so():
    assert references(builders.incident()) == ()
    named = builders.incident(classRef={"name": "service"})
    assert [str(reference) for reference in references(named)] == ["IncidentClass service"]


def test_what_is_not_ours_refers_to_nothing():
    assert references({"kind": "ConfigMap"}) == ()
