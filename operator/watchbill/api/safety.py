"""The limits of a runbook."""

from typing import Annotated

from pydantic import Field

from watchbill.api.model import Duration, SpecModel
from watchbill.api.schema import SET, duration_between


class Breaker(SpecModel):
    """When a runbook that keeps failing is left alone."""

    failures: Annotated[int, Field(ge=1, le=20)] = Field(
        description="failures is after how many failed runs in a row no further one starts."
    )
    for_: Duration = Field(
        alias="for",
        description="for is how long after the last of them.",
        json_schema_extra=duration_between("1s", "168h", "for"),
    )


class Safety(SpecModel):
    """The limits of a runbook; a run beyond them is Blocked and says so."""

    lock_key: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        default=None,
        description="lockKey is what one run of the namespace alone may hold; parameters may stand in it. "
        "Absent, one run of this runbook at a time acts.",
    )
    max_concurrent: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description="maxConcurrent is how many runs of this runbook may act at a time."
    )
    cooldown: Duration | None = Field(
        default=None,
        description="cooldown is how long after the last run with the same lock no other one starts.",
        json_schema_extra=duration_between("1s", "168h", "cooldown"),
    )
    max_per_hour: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="maxPerHour is how many runs of this runbook may start within an hour."
    )
    min_available: Annotated[str, Field(min_length=1, max_length=6, pattern=r"^[0-9]{1,5}%?$")] | None = (
        Field(
            default=None,
            description="minAvailable is how many replicas of a workload must be available before a step "
            'touches it: a number in quotes, or a share such as "50%".',
        )
    )
    breaker: Breaker | None = Field(
        default=None, description="breaker leaves a runbook that keeps failing alone."
    )
    pause_requests: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(max_length=10)
    ] = Field(
        default=(),
        description="pauseRequests are reasons for which no step of this runbook starts while there is one.",
        json_schema_extra=SET,
    )
