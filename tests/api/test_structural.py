"""What a model's JSON schema becomes in a CustomResourceDefinition."""

from datetime import datetime, timedelta, timezone
from typing import Annotated, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from watchbill.api.model import format_time
from watchbill.api.schema import list_map, rule, rules
from watchbill.api.structural import NotStructural, as_status, structural


class Inner(BaseModel):
    """An inner part."""

    model_config = ConfigDict(json_schema_extra=rules(rule("inner", "must be inner")))

    name: Annotated[str, Field(min_length=1, max_length=9, pattern="^[a-z]+$")] = Field(
        description="name is a name."
    )


class Tree(BaseModel):
    """A part that contains itself."""

    children: list["Tree"]


def of(annotation, **field):
    """The structural schema of one field."""
    model = create_model("Model", x=(annotation, Field(**field)))
    return structural(model.model_json_schema())["properties"]["x"]


def test_a_reference_is_inlined_and_the_fields_own_words_win():
    found = of(Inner, description="x is inner.", json_schema_extra=rules(rule("outer", "must be outer")))
    assert found["description"] == "x is inner."
    assert found["properties"]["name"]["maxLength"] == 9
    assert [each["rule"] for each in found["x-kubernetes-validations"]] == ["inner", "outer"]


def test_an_optional_field_is_absent_never_null():
    found = of(Inner | None, default=None, description="x is inner.")
    assert found["type"] == "object"
    assert {"anyOf", "default", "$ref", "title"} & found.keys() == set()


def test_a_part_that_contains_itself_is_refused_by_its_path():
    with pytest.raises(NotStructural, match=r"children.*Tree must not contain itself"):
        structural(Tree.model_json_schema())


def test_a_field_of_two_types_is_refused_by_its_path():
    with pytest.raises(NotStructural, match=r"^x: a union must be an object"):
        of(int | str)


def test_a_field_of_any_type_is_refused_by_its_path():
    with pytest.raises(NotStructural, match=r"^x: a field must have exactly one type"):
        of(object)


def test_a_word_that_is_too_long_for_a_status_is_refused():
    with pytest.raises(NotStructural, match="longer than 20 characters"):
        as_status(of(Literal["AWordOfTwentyOneChars"]))


@pytest.mark.parametrize(
    ("bounds", "format_"),
    [
        ({"ge": 0, "le": 2**31 - 1}, "int32"),
        ({"ge": 0, "le": 2**31}, "int64"),
        ({"ge": 0}, "int64"),
    ],
)
def test_an_integer_has_the_format_that_its_bounds_need(bounds, format_):
    assert of(int, **bounds)["format"] == format_


def test_an_exclusive_bound_is_a_bound_and_a_mark():
    found = of(int, gt=0, lt=9)
    assert (found["minimum"], found["exclusiveMinimum"]) == (0, True)
    assert (found["maximum"], found["exclusiveMaximum"]) == (9, True)


def test_a_single_literal_is_an_enumeration_of_one():
    assert of(Literal["Only"])["enum"] == ["Only"]


def test_a_moment_is_a_bounded_date_time():
    assert of(AwareDatetime) == {"type": "string", "format": "date-time", "maxLength": 35}


def test_a_moment_of_a_status_takes_no_more_room_than_the_operator_needs_for_it():
    written = format_time(datetime(2026, 3, 29, 1, 30, 0, 999_999, timezone(timedelta(hours=-11))))
    assert as_status(of(AwareDatetime))["maxLength"] == len(written)


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(str | None, None), (str, ""), (bool, False), (list[str], []), (dict[str, str], {})],
    ids=["null", "an empty text", "false", "an empty list", "an empty map"],
)
def test_a_default_that_says_nothing_is_left_out(annotation, default):
    assert "default" not in of(annotation, default=default)


@pytest.mark.parametrize(("annotation", "default"), [(str, "Live"), (int, 0), (bool, True)])
def test_a_default_that_says_something_is_kept(annotation, default):
    assert of(annotation, default=default)["default"] == default


def test_the_values_of_a_map_keep_their_bounds():
    found = of(dict[str, Inner], max_length=4)
    assert found["maxProperties"] == 4
    assert found["additionalProperties"]["properties"]["name"]["maxLength"] == 9


def test_a_status_keeps_bounds_and_keys_and_drops_every_demand():
    found = as_status(of(list[Inner], json_schema_extra=list_map("name"), min_length=1, max_length=3))
    assert found["maxItems"] == 3
    assert "minItems" not in found
    assert found["items"]["required"] == ["name"]
    assert found["items"]["properties"]["name"] == {
        "type": "string",
        "maxLength": 9,
        "description": "name is a name.",
    }
    assert "x-kubernetes-validations" not in found["items"]


def test_a_word_of_a_status_may_be_one_that_a_newer_operator_writes():
    found = as_status(of(Literal["Open", "Shut"], default="Open", description="x is a state."))
    assert found == {
        "type": "string",
        "maxLength": 20,
        "description": "x is a state. Known values: Open, Shut.",
    }


def test_a_part_without_fields_has_no_properties_as_the_api_server_keeps_it():
    found = of(create_model("Empty", __doc__="A part that is set or not."), description="x is set.")
    assert found == {"type": "object", "description": "x is set."}
