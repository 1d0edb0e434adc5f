"""The largest object that a schema allows: etcd takes 1.5 MiB, and a watch sends it to every client."""

import pytest

from tests.api.nodes import schema_of
from tests.api.worst_case import worst_case_bytes
from watchbill.api.crd import crds

KIB = 1024
CRDS = {crd["spec"]["names"]["kind"]: schema_of(crd) for crd in crds()}


@pytest.mark.feature("F69.core")
@pytest.mark.parametrize("kind", CRDS)
def test_spec_and_status_at_every_bound_take_512_kib_at_most(kind):
    parts = CRDS[kind]["properties"]
    assert worst_case_bytes(parts["spec"]) + worst_case_bytes(parts["status"]) <= 512 * KIB


def test_the_worst_case_is_the_length_of_the_longest_text():
    schema = {
        "type": "object",
        "properties": {
            "word": {"type": "string", "enum": ["a", "bcd"]},
            "list": {
                "type": "array",
                "maxItems": 2,
                "items": {"type": "string", "maxLength": 3},
            },
            "count": {"type": "integer", "minimum": -1000, "maximum": 10},
            "flag": {"type": "boolean"},
        },
    }
    longest = '{"word":"bcd","list":["abc","abc",],"count":-1000,"flag":false,}'
    assert worst_case_bytes(schema) == len(longest)


def test_a_map_counts_its_keys():
    schema = {
        "type": "object",
        "maxProperties": 3,
        "additionalProperties": {"type": "string", "maxLength": 2},
    }
    one = '"' + "k" * 253 + '":"ab",'
    assert worst_case_bytes(schema) == len("{}") + 3 * len(one)


@pytest.mark.parametrize(
    "rule", ["(has(self.a) ? 1 : 0) + (has(self.b) ? 1 : 0) == 1", "has(self.a) != has(self.b)"]
)
def test_of_a_union_the_largest_counts(rule):
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "maxLength": 2},
            "b": {"type": "string", "maxLength": 5},
            "c": {"type": "boolean"},
        },
        "x-kubernetes-validations": [{"rule": rule, "message": "one must be set"}],
    }
    assert worst_case_bytes(schema) == len('{"b":"12345","c":false,}')
    no_union = schema | {"x-kubernetes-validations": [{"rule": "has(self.a) && has(self.b)"}]}
    assert worst_case_bytes(no_union) == len('{"a":"12","b":"12345","c":false,}')


def test_a_text_without_bound_has_no_worst_case():
    with pytest.raises(KeyError):
        worst_case_bytes({"type": "string"})
