"""The file that a step writes for flagd is one by flagd's own JSON schema."""

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from tests.core.steps.driving import RUN, drive, step
from tests.support.specs import vendor_document
from watchbill.core.steps.flag import FlagKind

KIND = FlagKind()
TARGETING = {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on", None]}
FLAG: dict[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "on",
    "targeting": TARGETING,
}
FLAGS: dict[str, Any] = {"checkout": FLAG, "limit": FLAG | {"variants": {"on": 1, "off": 2.5}}}
LISTED = [{"key": name, **flag} for name, flag in FLAGS.items()]


@pytest.fixture(scope="module")
def schema() -> Draft7Validator:
    """What flagd says that a file must be."""
    names = ("flagd", "flags", "targeting")
    found = [json.loads(vendor_document(f"flagd/schema_v0_{name}.json").read_text()) for name in names]
    resources = [(each["$id"], Resource.from_contents(each)) for each in found]
    root = {"$ref": found[0]["$id"]}
    return Draft7Validator(root, registry=Registry().with_resources(resources))


def written(flags: object, **change: str) -> Any:
    """The file after a step has made this change of one flag."""
    ref = {"name": "flags", "key": "flags.json"}
    body = step(flag={"flagd": {"configMapKeyRef": ref, "feature": "checkout", **change}})
    file = {"$schema": "https://flagd.dev/schema/v0/flagd.json", "flags": flags}
    found = {"kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"flags.json": json.dumps(file)}}
    plan, _ = drive(KIND.plan(body, RUN), (200, found), (200, found))
    return json.loads(json.loads(plan.requests[0].body)["data"]["flags.json"])


@pytest.mark.parametrize("flags", [FLAGS, LISTED], ids=["by key", "in a list"])
@pytest.mark.parametrize("change", [{"defaultVariant": "off"}, {"state": "DISABLED"}])
@pytest.mark.feature("F43")
def test_it_is_a_file_of_flags(schema: Draft7Validator, flags: object, change: dict[str, str]):
    file = written(flags, **change)
    assert [error.message for error in schema.iter_errors(file)] == []
    found = file["flags"]["checkout"] if isinstance(flags, dict) else file["flags"][0]
    assert found == {**found, **FLAG, **change}


@pytest.mark.parametrize("wrong", [{"state": "OFF"}, {"defaultVariant": 1}, {"variants": "on"}])
def test_the_schema_bites(schema: Draft7Validator, wrong: dict[str, Any]):
    assert list(schema.iter_errors({"flags": {"checkout": FLAG | wrong}}))
