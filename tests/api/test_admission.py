"""The admission policies as they are made: what guards what, and that nothing is left unguarded."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, Field, create_model

from watchbill.api.admission.accounts import NAME as ACCOUNTS
from watchbill.api.admission.acts import NAME as ACTS
from watchbill.api.admission.manifests import policies, stamps, to_yaml
from watchbill.api.admission.policy import literal, said
from watchbill.api.admission.runs import NAME as RUN_ACTS
from watchbill.api.admission.secrets import NAME as SECRETS
from watchbill.api.admission.secrets import secret_paths
from watchbill.api.connection import SecretKeyRef
from watchbill.api.crd import crd
from watchbill.api.group import DEFAULT_OPERATOR_USER, GROUP
from watchbill.api.kinds import KINDS
from watchbill.api.runbook_run import IMMUTABLE, MUTABLE
from watchbill.api.verbs import AUTHORED, AUTHORS, CORRECTIONS, DECLARATION, STATE, VERB_OF

Json = dict[str, Any]

MANIFESTS = policies() + stamps()
REFUSING = [each for each in MANIFESTS if each["kind"] == "ValidatingAdmissionPolicy"]


def spec_schema(plural: str) -> Json:
    """The schema of a kind's spec, as the API server is given it."""
    kind = next(kind for kind in KINDS if kind.plural == plural)
    (version,) = crd(kind)["spec"]["versions"]
    return dict(version["schema"]["openAPIV3Schema"]["properties"]["spec"])


def validations(name: str) -> list[Json]:
    """The validations of the policy of this name."""
    return list(next(each["spec"]["validations"] for each in REFUSING if each["metadata"]["name"] == name))


def paths_below(schema: Json, ending: str) -> Iterator[str]:
    """The path of every property, at any depth and in any list or map, whose name ends so."""
    for name, below in schema.get("properties", {}).items():
        if name.endswith(ending):
            yield name
        yield from (f"{name}.{path}" for path in paths_below(below, ending))
    for many in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(many, dict):
            yield from (f"[].{path}" for path in paths_below(many, ending))


INCIDENT_FIELDS = spec_schema("incidents")["properties"]


class TestEveryFieldOfAnIncident:
    @pytest.mark.parametrize("field", [field for field in INCIDENT_FIELDS if field != AUTHORS])
    def test_is_guarded_by_exactly_one_verb(self, field):
        guards = [each for each in validations(ACTS) if ".check(" in each["expression"]]
        mine = [each for each in guards if f"'{field}'" in each["expression"]]
        assert len(mine) == 1, "give the field a verb in api/verbs.py"
        assert VERB_OF[field] in mine[0]["expression"].partition(".check(")[2]

    @pytest.mark.parametrize("field", [field for field in INCIDENT_FIELDS if field not in CORRECTIONS])
    def test_is_not_touched_when_it_has_ended_unless_it_wakes_nobody(self, field):
        (ended,) = [each for each in validations(ACTS) if "'Closed'" in each["expression"]]
        assert f"'{field}'" not in ended["expression"]

    def test_is_known_and_no_other_is(self):
        assert {*VERB_OF, AUTHORS} == set(INCIDENT_FIELDS)
        (unguarded,) = [
            each["expression"]
            for each in next(e["spec"]["variables"] for e in REFUSING if e["metadata"]["name"] == ACTS)
            if each["name"] == "unguarded"
        ]
        assert all(f"'{field}'" in unguarded for field in INCIDENT_FIELDS)

    def test_that_names_an_author_has_a_rule_of_its_own(self):
        names = set(INCIDENT_FIELDS[AUTHORS]["properties"])
        assert names == {DECLARATION, *AUTHORED}
        ruled = [each["messageExpression"] for each in validations(ACTS)]
        for name in names:
            assert [text for text in ruled if f"'spec.setBy.{name} must name you, `' + " in text]

    def test_has_one_author_at_most(self):
        fields = [field for fields in AUTHORED.values() for field in fields]
        assert len(fields) == len(set(fields))
        assert set(fields) < set(VERB_OF)
        assert AUTHORED["state"] == STATE


class TestEverySecret:
    @pytest.mark.parametrize("kind", [kind.plural for kind in KINDS if kind.plural != "runbooks"])
    def test_that_a_spec_names_is_guarded(self, kind):
        named = set(paths_below(spec_schema(kind), "SecretRef"))
        guarded = [each["messageExpression"] for each in validations(SECRETS)]
        assert {path for path in named if [m for m in guarded if f"'spec.{path}: `'" in m]} == named
        assert bool(named) is (kind == "connections"), "the policy is about connections alone"

    def test_of_a_runbook_is_read_as_its_account_whose_token_its_author_may_have(self):
        assert set(paths_below(spec_schema("runbooks"), "SecretRef"))
        guard, _ = validations(ACCOUNTS)
        assert "subresource('token')" in guard["expression"]
        assert "name(object.spec.serviceAccountName).check('create')" in guard["expression"]

    def test_is_found_at_any_depth(self):
        class Account(BaseModel):
            token_secret_ref: SecretKeyRef | None = Field(default=None, alias="tokenSecretRef")

        class Nested(BaseModel):
            account: Account | None = None
            key: SecretKeyRef
            other: str = ""

        assert list(secret_paths(Nested)) == [("account", "tokenSecretRef"), ("key",)]

    @pytest.mark.parametrize("container", [tuple[SecretKeyRef, ...], dict[str, SecretKeyRef]])
    def test_in_a_list_or_a_map_is_an_error(self, container):
        many = create_model("Many", keys=container)
        with pytest.raises(TypeError, match=r"Many\.keys repeats a reference to a Secret"):
            list(secret_paths(many))


class TestEveryFieldOfARun:
    def test_never_changes_or_is_an_act_of_a_person_with_a_verb(self):
        assert set(spec_schema("runbookruns")["properties"]) == {*IMMUTABLE, *MUTABLE}
        for field in MUTABLE:
            guards = [each for each in validations(RUN_ACTS) if f"to set spec.{field}" in str(each)]
            assert len(guards) == 1
            assert ".check(" in guards[0]["expression"]

    def test_under_a_users_name_is_written_by_that_user(self):
        for field in MUTABLE:
            own = f"variables.{field}.all(k, k == variables.me)"
            assert [each for each in validations(RUN_ACTS) if own in each["expression"]]

    def test_that_approves_is_another_persons_also_through_the_operator(self):
        guards = [each for each in validations(RUN_ACTS) if "must not approve" in str(each)]
        assert len(guards) == 2
        assert not any("proxy" in guard["expression"] for guard in guards)


class TestEveryPolicy:
    def test_is_bound_to_the_whole_cluster_and_denies(self):
        bound = {each["spec"]["policyName"]: each for each in MANIFESTS if "Binding" in each["kind"]}
        named = {each["metadata"]["name"] for each in MANIFESTS if "Binding" not in each["kind"]}
        assert set(bound) == named
        for each in REFUSING:
            binding = bound[each["metadata"]["name"]]["spec"]
            assert binding["validationActions"] == ["Deny"]
            assert "matchResources" not in binding

    @pytest.mark.parametrize("policy", REFUSING, ids=lambda each: each["metadata"]["name"])
    def test_fails_closed_and_is_about_our_group(self, policy):
        assert policy["spec"]["failurePolicy"] == "Fail"
        (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
        assert (rule["apiGroups"], rule["apiVersions"]) == ([GROUP], ["*"])

    @pytest.mark.parametrize(
        "policy",
        [each for each in MANIFESTS if "Binding" not in each["kind"]],
        ids=lambda each: each["metadata"]["name"],
    )
    def test_leaves_nothing_of_what_it_matches_for_the_api_server_to_fill_in(self, policy):
        constraints = dict(policy["spec"]["matchConstraints"])
        (rule,) = constraints.pop("resourceRules")
        assert constraints == {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
        assert rule["scope"] == "*"

    @pytest.mark.parametrize("policy", REFUSING, ids=lambda each: each["metadata"]["name"])
    def test_says_on_one_line_what_to_do(self, policy):
        for each in policy["spec"]["validations"]:
            assert ": " in each["messageExpression"]
            assert "\n" not in each["messageExpression"]
            assert "authorizer" not in each["messageExpression"], "the API server has none there"

    def test_reads_the_same_from_yaml(self):
        assert list(yaml.safe_load_all(to_yaml(MANIFESTS))) == MANIFESTS

    def test_lets_the_operator_through_by_the_name_it_is_given(self):
        renamed = to_yaml(policies("robot's own") + stamps("robot's own"))
        assert DEFAULT_OPERATOR_USER not in renamed
        by_default = to_yaml(MANIFESTS).count(literal(DEFAULT_OPERATOR_USER))
        assert renamed.count(r"'robot\'s own'") == by_default > 0


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("plain", "'plain'"),
        ("${a.b} is it", "a.b + ' is it'"),
        ("you are `${me}`: {x: {}}", "'you are `' + me + '`: {x: {}}'"),
        ("'${a.orValue({})}'", r"'\'' + a.orValue({}) + '\''"),
    ],
)
def test_a_text_becomes_an_expression(text, expression):
    assert said(text) == expression
