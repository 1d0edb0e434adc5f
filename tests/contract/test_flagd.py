"""The file that a step writes for flagd is one by flagd's own JSON schema, and evaluates as the step says."""

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from dev.contract.flagd import Evaluation, evaluated
from dev.contract.tools import Tools
from dev.errors import DevError
from tests.core.steps.driving import RUN, drive, step
from tests.support.specs import vendor_document
from watchbill.core.outcomes import Result
from watchbill.core.steps.flag import FlagKind

KIND = FlagKind()
TARGETING = {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on", None]}
PLAIN: dict[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "on",
}
FLAG = PLAIN | {"targeting": TARGETING}
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


def text(flags: object) -> str:
    return json.dumps({"$schema": "https://flagd.dev/schema/v0/flagd.json", "flags": flags}, indent=2)


def config(file: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"flags.json": file}}


def sent(request: Any) -> str:
    """The file in a patch of the ConfigMap."""
    return str(json.loads(request.body)["data"]["flags.json"])


def done_and_undone(before: str, **change: str) -> tuple[str, str]:
    """The file after a step has made this change of the flag checkout, and after that was taken back."""
    ref = {"name": "flags", "key": "flags.json"}
    body = step(flag={"flagd": {"configMapKeyRef": ref, "feature": "checkout", **change}})
    plan, _ = drive(KIND.plan(body, RUN), (200, config(before)), (200, config(before)))
    after = sent(plan.requests[0])
    done, _ = drive(KIND.act(body, RUN, plan), (200, config(after)), (200, config(after)))
    undone, (_, undo) = drive(
        KIND.restored(body, RUN, done.undo), (200, config(after)), (200, config(before))
    )
    assert (done.result, undone.result) == (Result.OK, Result.OK)
    return after, sent(undo)


@pytest.mark.parametrize("flags", [FLAGS, LISTED], ids=["by key", "in a list"])
@pytest.mark.parametrize("change", [{"defaultVariant": "off"}, {"state": "DISABLED"}])
@pytest.mark.feature("F43")
def test_it_is_a_file_of_flags(schema: Draft7Validator, flags: object, change: dict[str, str]):
    file = json.loads(done_and_undone(text(flags), **change)[0])
    assert [error.message for error in schema.iter_errors(file)] == []
    found = file["flags"]["checkout"] if isinstance(flags, dict) else file["flags"][0]
    assert found == {**found, **FLAG, **change}


@pytest.mark.parametrize("wrong", [{"state": "OFF"}, {"defaultVariant": 1}, {"variants": "on"}])
def test_the_schema_bites(schema: Draft7Validator, wrong: dict[str, Any]):
    assert list(schema.iter_errors({"flags": {"checkout": FLAG | wrong}}))


def clients_get(tools: Tools, texts: list[str], email: str = "ana@example.org") -> list[Evaluation]:
    """What the flag checkout is for this user in each text; the other flag must be what it always is."""
    found = evaluated(tools, texts, {"email": email}, ("checkout", "limit"))
    assert [each["limit"] for each in found] == [OTHER] * len(texts)
    return [each["checkout"] for each in found]


OTHER = Evaluation(1, "on", "STATIC")
BESIDE = {"limit": PLAIN | {"variants": {"on": 1, "off": 2.5}}}
ON, OFF = Evaluation(True, "on", "STATIC"), Evaluation(False, "off", "STATIC")
TARGETED = Evaluation(True, "on", "TARGETING_MATCH")
ON_BY_DEFAULT, OFF_BY_DEFAULT = Evaluation(True, "on", "DEFAULT"), Evaluation(False, "off", "DEFAULT")
DISABLED, IN_CODE = Evaluation(None, None, "DISABLED"), Evaluation(None, None, "DEFAULT")


@pytest.mark.parametrize(
    ("flag", "change", "before", "after"),
    [
        pytest.param(PLAIN, {"defaultVariant": "off"}, ON, OFF, id="turned off"),
        pytest.param(PLAIN | {"state": "DISABLED"}, {"state": "ENABLED"}, DISABLED, ON, id="enabled"),
        pytest.param(
            PLAIN | {"defaultVariant": None}, {"defaultVariant": "off"}, IN_CODE, OFF, id="without a default"
        ),
        pytest.param(
            FLAG, {"defaultVariant": "off"}, ON_BY_DEFAULT, OFF_BY_DEFAULT, id="turned off, with targeting"
        ),
        pytest.param(FLAG, {"state": "DISABLED"}, ON_BY_DEFAULT, DISABLED, id="disabled, with targeting"),
    ],
)
@pytest.mark.feature("F43")
def test_clients_get_what_the_step_set_and_then_what_they_got_before(
    tools: Tools, flag: dict[str, Any], change: dict[str, str], before: Evaluation, after: Evaluation
):
    file = text({"checkout": flag, **BESIDE})
    assert clients_get(tools, [file, *done_and_undone(file, **change)]) == [before, after, before]


@pytest.mark.feature("F43")
def test_who_is_targeted_stays_targeted(tools: Tools):
    file = text({"checkout": FLAG, **BESIDE})
    texts = [file, *done_and_undone(file, defaultVariant="off")]
    assert clients_get(tools, texts, "ana@example.com") == [TARGETED] * 3


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        pytest.param(
            text({"checkout": PLAIN | {"defaultVariant": "third"}}), "third missing", id="no variant"
        ),
        pytest.param(text({"checkout": PLAIN | {"state": "OFF"}}), "allowed values", id="no state"),
        pytest.param("flags: {}", "invalid flagd flag configuration", id="no JSON"),
        pytest.param(text(LISTED), "must be object", id="a list"),
    ],
)
def test_a_file_that_flagd_does_not_take_is_an_error(tools: Tools, file: str, complaint: str):
    with pytest.raises(DevError, match=complaint):
        evaluated(tools, [text({"checkout": PLAIN}), file], {}, ["checkout"])


def test_what_flagd_cannot_evaluate_is_told_from_what_it_can(tools: Tools):
    file = text({"checkout": PLAIN | {"targeting": {"if": [True, "third"]}}})
    (found,) = evaluated(tools, [file], {}, ["checkout", "nothing"])
    assert set(found.values()) == {Evaluation(None, None, "ERROR")}
