"""The rules of kube-api-linter, by their names, over the generated CRDs; it reads Go alone."""

import json
import re

import pytest

from tests.api.nodes import nodes, schema_of
from watchbill.api.crd import crds
from watchbill.api.group import CATEGORY
from watchbill.api.kinds import KINDS

ALL = nodes()
CRDS = crds()
BY_KIND = pytest.mark.parametrize("crd", CRDS, ids=[crd["spec"]["names"]["kind"] for crd in CRDS])

UNIONS_AND_NULLS = ("anyOf", "oneOf", "allOf", "not", "nullable", "$ref", "$defs", "title", "const")
TIME_NAMES = re.compile(r"(Timestamp|At|Date)$")
CONDITION_FIELDS = {"type", "status", "reason", "message", "lastTransitionTime", "observedGeneration"}
RESERVED = {"ep", "es", "ss", "ps", "ar", "ro", "rb", "po", "no", "ns", "cm", "sa", "ev", "svc", "all"}
"""Short names that Kubernetes or well-known neighbors use already."""
BOOLEANS = {
    "spec.escalation.adoptPolicy",
    "spec.severities[].autoResolve",
    "spec.parameters[].secret",
    "spec.dryRun",
    # As of a CronJob, and of all that Flux keeps.
    "spec.suspend",
    # A flag of these vendors is on or off, and is nothing else.
    "spec.steps[].flag.unleash.enabled",
    "spec.steps[].flag.launchDarkly.enabled",
    "spec.steps[].undo.flag.unleash.enabled",
    "spec.steps[].undo.flag.launchDarkly.enabled",
}
"""The booleans of specs; each is an act or a switch that cannot grow a third value."""


def of_type(name):
    return [node for node in ALL if node.schema["type"] == name]


def paths(found):
    return [node.path for node in found]


def test_MaxLength_every_string_is_bounded():
    unbounded = [n for n in of_type("string") if "maxLength" not in n.schema and "enum" not in n.schema]
    assert paths(unbounded) == []
    assert len(of_type("string")) > 100


def test_MaxLength_every_array_and_map_is_bounded():
    arrays = [n for n in of_type("array") if "maxItems" not in n.schema]
    maps = [
        n for n in of_type("object") if "additionalProperties" in n.schema and "maxProperties" not in n.schema
    ]
    assert paths(arrays + maps) == []


def test_MaxLength_the_keys_of_every_map_are_bounded_by_a_rule():
    maps = [n for n in of_type("object") if "additionalProperties" in n.schema]
    rules = [[each["rule"] for each in n.schema.get("x-kubernetes-validations", [])] for n in maps]
    assert paths(maps) == [
        "Incident.spec.acknowledgedBy",
        "Incident.spec.debtSettledBy",
        "IncidentUpdate.spec.approvals",
        "Runbook.spec.steps[].runbook.parameters",
        "Runbook.spec.steps[].undo.runbook.parameters",
        "RunbookRun.spec.parameters",
        "RunbookRun.spec.approvals",
        "RunbookRun.spec.manualDone",
        "RunbookRun.spec.cancelledBy",
    ]
    assert all(any("size(k) <= 253" in rule for rule in found) for found in rules)


def test_NoMaps_only_what_people_key_by_their_own_name_and_parameters_are_maps():
    assert {n.field for n in of_type("object") if "additionalProperties" in n.schema} == {
        "acknowledgedBy",
        "approvals",
        "manualDone",
        "cancelledBy",
        "debtSettledBy",
        "parameters",
    }


def test_SSATags_every_array_says_how_it_is_merged():
    kinds = {n.path: n.schema.get("x-kubernetes-list-type") for n in of_type("array")}
    assert {kind for kind in kinds.values()} <= {"map", "set", "atomic"}


def test_SSATags_sets_hold_scalars_and_maps_hold_objects_with_required_keys():
    for node in of_type("array"):
        items = node.schema["items"]
        match node.schema["x-kubernetes-list-type"]:
            case "set":
                assert items["type"] == "string", node.path
            case "map":
                keys = node.schema["x-kubernetes-list-map-keys"]
                assert set(keys) <= set(items["required"]), node.path


def test_Integers_have_a_format_and_both_bounds():
    for node in of_type("integer"):
        assert node.schema["format"] in ("int32", "int64"), node.path
        assert node.schema["minimum"] <= node.schema["maximum"], node.path


def test_NoFloats_no_number_has_a_fraction():
    assert paths(of_type("number")) == []


def test_NoNullable_no_field_takes_null_or_one_of_several_types():
    found = [(n.path, keyword) for n in ALL for keyword in UNIONS_AND_NULLS if keyword in n.schema]
    assert found == []
    assert [n.path for n in ALL if None in n.schema.get("enum", [])] == []


def test_NoNullable_no_default_is_null():
    assert [n.path for n in ALL if "default" in n.schema and n.schema["default"] is None] == []


def test_DefaultOrRequired_a_field_that_has_a_default_is_not_required():
    for node in of_type("object"):
        children = node.schema.get("properties", {})
        defaulted = {name for name, child in children.items() if "default" in child}
        assert defaulted & set(node.schema.get("required", [])) == set(), node.path


def test_NoPreserveUnknown_and_no_embedded_free_form():
    text = json.dumps(CRDS)
    for keyword in ("preserve-unknown", "embedded-resource", "int-or-string", "uniqueItems"):
        assert keyword not in text
    open_maps = [
        n for n in of_type("object") if not isinstance(n.schema.get("additionalProperties", {}), dict)
    ]
    assert paths(open_maps) == []


def test_NoBools_every_boolean_of_a_spec_is_listed_here_with_its_reason():
    assert {n.path.split(".", 1)[1] for n in of_type("boolean") if n.part == "spec"} == BOOLEANS


def test_CommentStart_every_field_is_described_and_the_description_begins_with_its_name():
    fields = [n for n in ALL if "." in n.path and not n.path.endswith(("[]", "{}"))]
    silent = [n.path for n in fields if not n.schema.get("description", "").startswith(f"{n.field} ")]
    assert silent == []
    assert len(fields) > 200


def test_CommentStart_every_description_ends_as_a_sentence():
    described = [n for n in ALL if "description" in n.schema]
    assert [n.path for n in described if not n.schema["description"].endswith(".")] == []


def test_NoTimestamp_a_moment_is_a_date_time_and_ends_in_Time():
    moments = [n for n in ALL if n.schema.get("format") == "date-time"]
    assert [n.path for n in moments if n.field != "time" and not n.field.endswith("Time")] == []
    named = [n for n in ALL if n.field.endswith("Time") or n.field == "time" or TIME_NAMES.search(n.field)]
    assert paths(named) == paths(moments)


def test_NoDurations_durations_are_bounded_gep_2257_texts():
    """GEP-2257 in place of integers: people write 5m; the rule says the bounds."""
    durations = [n for n in of_type("string") if "h|m|s|ms" in n.schema.get("pattern", "")]
    assert len(durations) == 16
    for node in durations:
        (rule,) = node.schema["x-kubernetes-validations"]
        assert rule["rule"].startswith("duration(self) >= duration('1s') && "), node.path


def test_NoReferences_a_reference_ends_in_Ref_and_holds_a_name():
    references = [n for n in of_type("object") if n.field.endswith("Ref")]
    assert references
    assert all("name" in n.schema["required"] for n in references if n.part == "spec")
    assert [n.path for n in ALL if n.field.endswith(("Reference", "References", "Id"))] == []


@BY_KIND
def test_StatusSubresource_is_on(crd):
    (version,) = crd["spec"]["versions"]
    assert version["subresources"] == {"status": {}}


@BY_KIND
def test_Conditions_are_the_standard_ones(crd):
    conditions = schema_of(crd)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    items = conditions["items"]
    assert set(items["properties"]) == CONDITION_FIELDS
    assert set(items["required"]) == {"type", "status", "reason", "lastTransitionTime"}
    assert items["properties"]["status"]["enum"] == ["True", "False", "Unknown"]
    assert items["properties"]["lastTransitionTime"]["format"] == "date-time"


@BY_KIND
def test_the_root_has_spec_and_status_and_nothing_else(crd):
    schema = schema_of(crd)
    assert list(schema["properties"]) == ["apiVersion", "kind", "metadata", "spec", "status"]
    assert schema["required"] == ["spec"]
    assert "observedGeneration" in schema["properties"]["status"]["properties"]


def test_a_status_demands_nothing_but_the_keys_of_its_lists():
    for node in ALL:
        if node.part != "status" or ".conditions" in node.path:
            continue
        demands = {"default", "enum", "pattern", "minLength", "minItems", "x-kubernetes-validations"}
        assert demands & node.schema.keys() == set(), node.path
        keyed = {n.path + "[]": n.schema.get("x-kubernetes-list-map-keys") for n in of_type("array")}
        assert node.schema.get("required") == keyed.get(node.path), node.path
    assert [n.path for n in ALL if n.part == "status" and "default" in n.schema] == []


def test_defaults_are_only_where_absence_would_puzzle_people():
    assert {n.path: n.schema["default"] for n in ALL if "default" in n.schema} == {
        "Incident.spec.mode": "Live",
        "EscalationPolicy.spec.repeat.times": 0,
        "IncidentClass.spec.severities[].postmortem.policy": "Optional",
        "IncidentClass.spec.severities[].reopenWindow": "1h",
        "IncidentClass.spec.severities[].response.channel.nameTemplate": (
            "inc-{{ incident.createdDate }}-{{ incident.name }}"
        ),
        "Connection.spec.allowedNamespaces.from": "Same",
        "Connection.spec.pagerDuty.baseURL": "https://events.pagerduty.com",
        "Connection.spec.smtp.tls": "StartTLS",
        "Connection.spec.slack.baseURL": "https://slack.com",
        "IncidentUpdate.spec.approvals{}.decision": "Approved",
        "Runbook.spec.start": "Manual",
        "Runbook.spec.parameters[].type": "String",
        "Runbook.spec.steps[].approval.count": 1,
        "Runbook.spec.steps[].approval.expiresAfter": "30m",
        "Runbook.spec.steps[].kubernetes.patch.type": "Strategic",
        "Runbook.spec.steps[].kubernetes.delete.propagation": "Background",
        "Runbook.spec.steps[].flag.launchDarkly.baseURL": "https://app.launchdarkly.com",
        "Runbook.spec.steps[].undo.flag.launchDarkly.baseURL": "https://app.launchdarkly.com",
        "Runbook.spec.steps[].http.method": "POST",
        "Runbook.spec.steps[].undo.kubernetes.patch.type": "Strategic",
        "Runbook.spec.steps[].undo.kubernetes.delete.propagation": "Background",
        "Runbook.spec.steps[].undo.http.method": "POST",
        "RunbookRun.spec.approvals{}.decision": "Approved",
    }


def test_every_rule_has_a_message_that_says_must():
    rules = [rule for n in ALL for rule in n.schema.get("x-kubernetes-validations", [])]
    assert [rule["message"] for rule in rules if "must" not in rule["message"]] == []
    assert [rule["message"] for rule in rules if re.search(r"[<>]=?|==", rule["message"])] == []


def test_short_names_are_distinct_and_nobody_elses():
    short = [name for kind in KINDS for name in kind.short_names]
    assert sorted(short) == ["escpol", "inc", "incclass", "incupd", "rbk", "rbrun"]
    assert set(short) & RESERVED == set()
    assert set(short) & {kind.plural for kind in KINDS} == set()


@BY_KIND
def test_there_is_one_category(crd):
    assert crd["spec"]["names"]["categories"] == [CATEGORY]


@BY_KIND
def test_selectable_fields_and_columns_are_fields_of_the_schema(crd):
    (version,) = crd["spec"]["versions"]
    scalars = {
        "." + n.path.split(".", 1)[1]: n.schema["type"] for n in ALL if n.path.startswith(version_root(crd))
    }
    for field in version.get("selectableFields", []):
        assert scalars[field["jsonPath"]] in ("string", "integer", "boolean")
    for column in version["additionalPrinterColumns"]:
        path = column["jsonPath"]
        if not path.startswith((".status.conditions[?", ".metadata")):
            assert scalars[path] == column["type"], path


def version_root(crd):
    return crd["spec"]["names"]["kind"] + "."
