"""How traffic is shared among backends, as a step of a runbook names it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from watchbill.api.model import SpecModel
from watchbill.api.probe import TargetRef
from watchbill.api.schema import list_map, rule, rules


class BackendWeight(SpecModel):
    """The share of one backend."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="name is the name of the backend, which the rule names once."
    )
    weight: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        description="weight is its share, in proportion to the sum of the rule's weights."
    )


class Traffic(SpecModel):
    """Other weights of the backends of one rule of an HTTPRoute."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.targetRef.kind == 'HTTPRoute' && "
                "self.targetRef.apiVersion.startsWith('gateway.networking.k8s.io/')",
                "`targetRef` must name an HTTPRoute of gateway.networking.k8s.io",
            ),
            rule(
                "!has(self.ruleName) || !has(self.ruleIndex)",
                "at most one of `ruleName` and `ruleIndex` must be set",
            ),
        )
    )

    target_ref: TargetRef = Field(description="targetRef names the HTTPRoute.")
    rule_name: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        default=None,
        description="ruleName is the name of the rule. It and ruleIndex can be absent where the route has "
        "one rule.",
    )
    rule_index: Annotated[int, Field(ge=0, le=15)] | None = Field(
        default=None, description="ruleIndex is the place of the rule, from 0, where rules have no names."
    )
    weights: Annotated[tuple[BackendWeight, ...], Field(min_length=1, max_length=8)] = Field(
        description="weights are the new weights; a backend that is not listed keeps its own.",
        json_schema_extra=list_map("name"),
    )
