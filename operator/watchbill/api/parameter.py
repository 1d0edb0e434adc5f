"""One typed parameter of a runbook."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from watchbill.api.model import SpecModel
from watchbill.api.schema import SET, rule, rules
from watchbill.api.step import ParameterValue

ParameterName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$")]

Bound = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class Parameter(SpecModel):
    """One parameter; one without default and source must be given."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.pattern) || !has(self.type) || self.type == 'String'",
                "`pattern` must be absent unless `type` is String",
                ".pattern",
            ),
            rule(
                "(!has(self.min) && !has(self.max)) || (has(self.type) && self.type == 'Integer')",
                "`min` and `max` must be absent unless `type` is Integer",
            ),
            rule(
                "!has(self.enum) || !has(self.default) || self.default in self.enum",
                "`default` must be one of `enum`",
                ".default",
            ),
        )
    )

    name: ParameterName = Field(description="name is the name, by which templates know it.")
    description: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="description says what it is for."
    )
    type: Literal["String", "Integer", "Boolean", "Duration"] = Field(
        default="String", description="type is String, Integer, Boolean (true or false) or Duration (5m)."
    )
    default: ParameterValue | None = Field(
        default=None, description="default is its value where a run gives none; always written as text."
    )
    enum: Annotated[tuple[ParameterValue, ...], Field(min_length=1, max_length=20)] | None = Field(
        default=None, description="enum lists the values that it may have.", json_schema_extra=SET
    )
    pattern: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None,
        description="pattern is a regular expression, in RE2's syntax, that the whole value must match.",
    )
    min: Bound | None = Field(default=None, description="min is the smallest Integer that it may be.")
    max: Bound | None = Field(default=None, description="max is the largest Integer that it may be.")
    from_: Annotated[str, Field(max_length=63, pattern=r"^incident\.[a-zA-Z]+$")] | None = Field(
        default=None,
        alias="from",
        description="from is the field of the incident that it has its value from where a run gives none: "
        "incident.name, incident.namespace, incident.severity, incident.service.",
    )
    secret: bool | None = Field(
        default=None,
        description="secret set to true has its value masked in all that a run shows. It stands in the run's "
        "spec: a credential belongs in a Secret instead.",
    )
