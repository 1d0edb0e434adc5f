"""What the parameters of a run are, and what is wrong with those that are wrong."""

import time

import pytest

from watchbill.api.incident import Incident
from watchbill.api.parameter import Parameter
from watchbill.core.runs.parameters import resolved, typed

INCIDENT = Incident.model_validate(
    {
        "metadata": {"name": "checkout-500s", "namespace": "shop"},
        "spec": {"title": "Checkout fails", "severity": "SEV-1", "affected": [{"service": "checkout"}]},
    }
)


def declared(**parameter):
    return (Parameter.model_validate({"name": "p", **parameter}),)


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        ({"default": "a"}, {}, "a"),
        ({"default": "a"}, {"p": "b"}, "b"),
        ({"default": "a", "from": "incident.service"}, {}, "checkout"),
        ({"default": "a", "from": "incident.service"}, {"p": "b"}, "b"),
        ({"default": "a", "from": "incident.unknown"}, {}, "a"),
        ({"default": ""}, {}, ""),
        ({"pattern": "^[a-z-]{1,9}$"}, {"p": "checkout"}, "checkout"),
        ({"pattern": "a|b"}, {"p": "b"}, "b"),
        ({"type": "Duration"}, {"p": "1h30m"}, "1h30m"),
        ({"type": "Integer", "min": -3}, {"p": "-3"}, "-3"),
    ],
)
def test_a_value(parameter, given, value):
    assert resolved(declared(**parameter), given, INCIDENT) == ({"p": value}, ())


@pytest.mark.parametrize(
    ("parameter", "value", "problem"),
    [
        ({"enum": ["a", "b"]}, "c", "must be one of a, b"),
        ({"pattern": "^[a-z]+$"}, "a1", "must match ^[a-z]+$"),
        ({"pattern": "a|b"}, "ab", "must match a|b"),
        ({"pattern": "^a$"}, "a\n", "must match ^a$"),
        ({"pattern": "("}, "a", "must match ("),
        ({"type": "Integer"}, "1.5", "must be an integer"),
        ({"type": "Integer"}, "٣", "must be an integer"),
        ({"type": "Integer"}, "9" * 50, "must be an integer"),
        ({"type": "Integer", "min": 2}, "1", "must be at least 2"),
        ({"type": "Boolean"}, "yes", "must be true or false"),
        ({"type": "Duration"}, "3 hours", "must be a duration such as 30s, 5m or 1h30m"),
    ],
)
def test_a_wrong_value(parameter, value, problem):
    _, problems = resolved(declared(**parameter), {"p": value}, None)
    assert [(each.path, each.message) for each in problems] == [("spec.parameters.p", problem)]


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [({"type": "Integer"}, "3", 3), ({"type": "Boolean"}, "true", True), ({}, "3", "3")],
)
def test_a_value_has_its_type(parameter, text, value):
    found = typed(declared(**parameter)[0], text)
    assert (found, type(found)) == (value, type(value))


def test_a_pattern_of_a_tenant_takes_no_time():
    started = time.process_time()
    resolved(declared(pattern="(a+)+$"), {"p": "a" * 250 + "b"}, None)
    assert time.process_time() - started < 1
