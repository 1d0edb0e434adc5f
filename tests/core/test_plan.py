"""The class and the policy that are frozen into an incident, and what comes after what."""

import pytest

from tests.support.builders import incident_class, observation, policy, target
from watchbill.api.incident_status import FrozenClass
from watchbill.core import severity
from watchbill.core.plan import (
    LAST_RESORT,
    escalate_after,
    frozen_class,
    frozen_policy,
    level_index,
    policy_for,
    rounds,
    step_after,
    targets_of,
)

FROZEN = frozen_policy(
    policy(("a", "1m", [target("pagerduty")]), ("b", "90s", [target("backup")]), times=1, last_resort="all")
)
CLASS = frozen_class(incident_class(description="When revenue is lost."))


@pytest.mark.parametrize(
    ("round_", "level", "expected"),
    [
        pytest.param(1, "a", (1, "b"), id="the second level follows the first"),
        pytest.param(1, "b", (2, "a"), id="the first level of the next round follows the last"),
        pytest.param(2, "b", None, id="nothing follows the last level of the last round"),
        pytest.param(1, "gone", (1, "a"), id="the first level follows one that the policy has not"),
        pytest.param(0, "", (1, "a"), id="the first level of round 1 follows the beginning"),
    ],
)
def test_what_follows(round_, level, expected):
    step = step_after(FROZEN, round_, level)
    assert (step and (step[0], step[1].name)) == expected


def test_a_policy_that_is_repeated_once_has_two_rounds():
    assert rounds(FROZEN) == 2


@pytest.mark.parametrize(("level", "names"), [("a", ["pagerduty"]), (LAST_RESORT, ["all"]), ("gone", [])])
def test_the_targets_of_a_level(level, names):
    assert [each.connection_ref.name for each in targets_of(FROZEN, level)] == names


def test_a_level_is_found_by_its_name_and_lasts_as_long_as_it_says():
    assert (level_index(FROZEN, "b"), level_index(FROZEN, LAST_RESORT)) == (1, None)
    assert escalate_after(FROZEN.levels[1]).total_seconds() == 90


def test_what_is_frozen_has_name_uid_and_a_hash_of_its_content():
    assert (FROZEN.name, FROZEN.namespace, FROZEN.uid) == ("primary", "shop", "policy-primary")
    same = frozen_policy(
        policy(("a", "1m", [target("pagerduty")]), ("b", "90s", [target("backup")]), times=1)
    )
    assert same.hash != FROZEN.hash
    assert frozen_policy(policy(name="x")).hash == frozen_policy(policy(name="y")).hash
    assert (CLASS.name, CLASS.uid) == ("service", "class-uid")
    assert [row.description for row in CLASS.severities] == ["", "", ""]


def test_what_is_frozen_is_read_again_with_all_that_a_channel_is_made_of():
    bookmark = {"title": "Runbook", "url": "https://runbooks.example.com/checkout"}
    channel = {
        "connectionRef": {"name": "slack", "namespace": "shop"},
        "nameTemplate": "{{ incident.name }}",
        "bookmarks": [bookmark],
    }
    frozen = frozen_class(incident_class(response={"channel": channel}))
    written = frozen.to_json()
    assert written["severities"][0]["response"] == {"channel": channel}
    assert FrozenClass.model_validate(written) == frozen


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({}, ("primary", "Planned"), id="is the one that the row names"),
        pytest.param(
            {"policies": {}},
            ("all-hands", "DefaultEscalation"),
            id="is the default one where the named one is not there",
        ),
        pytest.param(
            {"policies": {}, "default_policy": None},
            (None, "PolicyNotFound"),
            id="is none where there is no default",
        ),
    ],
)
def test_the_policy_of_a_severity(facts, expected):
    found, why = policy_for(observation(**facts), CLASS.severities[0])
    assert (found.name if found else None, why) == expected


def test_a_row_that_names_no_policy_takes_the_default_one():
    row = frozen_class(incident_class(escalation=None)).severities[0]
    found, why = policy_for(observation(), row)
    assert found is not None
    assert (found.name, why) == ("all-hands", "DefaultEscalation")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("SEV-2", "SEV-2"), pytest.param("SEV-9", "SEV-1", id="an unknown one is the most severe")],
)
def test_the_row_of_a_severity(name, expected):
    row = severity.row(CLASS, name)
    assert row is not None
    assert row.name == expected
    assert severity.is_known(CLASS, name) == (name == expected)


def test_without_a_matrix_there_is_no_row():
    assert severity.row(None, "SEV-1") is None
    assert severity.row(CLASS.model_copy(update={"severities": ()}), "SEV-1") is None
