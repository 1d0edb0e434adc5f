"""What an incident's status says of runbooks: which are for it, which were started, and what is to undo."""

from typing import Annotated

from pydantic import Field

from watchbill.api.model import StatusModel, Time
from watchbill.api.page import Count, OwnName, Uid
from watchbill.api.schema import ATOMIC

MAX_SUGGESTED = 5
"""The most runbooks that are listed; how many more there are is counted."""

MAX_STARTED = 5
"""The most runs that the operator starts by itself for one incident: each is remembered for ever."""

MAX_DEBT = 8
"""The most temporary changes that are listed; how many more there are is counted."""

TEXT = 128

Short = Annotated[str, Field(max_length=TEXT)]
User = Annotated[str, Field(max_length=253)]


class SuggestedRunbook(StatusModel):
    """A runbook that is for the incident."""

    name: OwnName = Field(description="name is the name of the Runbook.")
    title: Annotated[str, Field(max_length=80)] = Field(
        default="", description="title says what it does, cut to 80 characters."
    )


class StartedRun(StatusModel):
    """A run that the operator starts by itself; once for each runbook."""

    runbook: OwnName = Field(description="runbook is the name of the Runbook.")
    runbook_uid: Uid = Field(alias="runbookUID", description="runbookUID is its UID.")
    run: OwnName = Field(description="run is the name of the RunbookRun.")
    created: bool = Field(
        default=False, description="created says that the run was there; it is not made again."
    )
    message: Short = Field(
        default="", description="message says why it could not be created, until it could be."
    )


class IncidentDebt(StatusModel):
    """One temporary change that a run made for the incident, and that nobody has taken back."""

    run: OwnName = Field(description="run is the name of the RunbookRun that made it.")
    run_uid: Uid = Field(alias="runUID", description="runUID is the UID of the run.")
    step: OwnName = Field(description="step is the step of the run that made it.")
    what: Short = Field(default="", description="what says what was changed; the run says it in full.")
    undo: Short = Field(default="", description="undo says how to take it back.")
    owner: User = Field(default="", description="owner is who takes it back.")
    expires_time: Time = Field(description="expiresTime is when the owner is reminded.")
    reminded_time: Time | None = Field(
        default=None, description="remindedTime is when the owner was reminded; once."
    )

    @property
    def id(self) -> str:
        """The name by which people settle it: the run and the step."""
        return f"{self.run}/{self.step}"


class IncidentRunbooks(StatusModel):
    """What runbooks there are for the incident, and which of them the operator has started."""

    suggested: Annotated[tuple[SuggestedRunbook, ...], Field(max_length=MAX_SUGGESTED)] = Field(
        default=(),
        description="suggested are the runbooks that are for it while it is open, by name.",
        json_schema_extra=ATOMIC,
    )
    suggested_omitted: Count = Field(
        default=0, description="suggestedOmitted counts those that are for it too and are not listed."
    )
    started: Annotated[tuple[StartedRun, ...], Field(max_length=MAX_STARTED)] = Field(
        default=(),
        description="started are the runs that the operator starts by itself.",
        json_schema_extra=ATOMIC,
    )
