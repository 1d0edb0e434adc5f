"""The ledger: one entry for each page, through as many connections as it takes."""

from typing import Annotated, Literal

from pydantic import Field

from watchbill.api.model import StatusModel, Time, read_as
from watchbill.api.schema import ATOMIC

# A word of a newer operator is read as what is safe to take it for: a hop that may be open is closed in the
# end, and a page that something became of is not sent again.
HopState = Annotated[
    Literal["Pending", "Claimed", "Sending", "Accepted", "Unknown", "Failed", "Superseded"],
    read_as("Unknown"),
]
PageState = Annotated[
    Literal["Pending", "Accepted", "Failed", "Superseded", "Acknowledged"], read_as("Superseded")
]
ClosingAction = Annotated[Literal["Acknowledge", "Resolve"], read_as("Acknowledge")]
ClosingState = Annotated[Literal["Pending", "Done", "Failed"], read_as("Done")]

MAX_HOPS = 3
"""A target's own connection and its fallbacks."""

# Tight, because an incident holds many of each: the whole object must stay under 512 KiB.

OwnName = Annotated[str, Field(max_length=63)]
Uid = Annotated[str, Field(max_length=36)]
Word = Annotated[str, Field(max_length=32)]
Id = Annotated[str, Field(max_length=64)]
Key = Annotated[str, Field(max_length=160)]
Message = Annotated[str, Field(max_length=128)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Claim(StatusModel):
    """Who is about to send what cannot be sent twice unnoticed."""

    by: Id = Field(description="by is the identity of the operator's process.")
    time: Time = Field(description="time is when the claim was made.")


class Closing(StatusModel):
    """How far the outside has been told that a page needs no more attention."""

    action: ClosingAction = Field(description="action is what the outside is told.")
    state: ClosingState = Field(description="state says how far that went.")
    attempts: Count = Field(default=0, description="attempts counts the tries.")
    next_attempt_time: Time | None = Field(
        default=None, description="nextAttemptTime is when the next try is due."
    )
    repeats: Count = Field(default=0, description="repeats counts sends after the first that was accepted.")
    credential_changed: bool = Field(
        default=False,
        description="credentialChanged says that another credential was used than for the page.",
    )


class Hop(StatusModel):
    """One connection that a page is tried through."""

    connection: OwnName = Field(description="connection is the name of the Connection.")
    namespace: OwnName = Field(description="namespace is the namespace of the Connection.")
    connection_uid: Uid = Field(default="", alias="connectionUID", description="connectionUID is its UID.")
    key: Key = Field(description="key is the outward key; it begins with the incident's UID.")
    state: HopState = Field(description="state says how far the page went by this connection.")
    attempts: Count = Field(default=0, description="attempts counts the tries.")
    first_attempt_time: Time | None = Field(
        default=None, description="firstAttemptTime is when the first try was made."
    )
    sent_time: Time | None = Field(default=None, description="sentTime is when the page was accepted.")
    next_attempt_time: Time | None = Field(
        default=None, description="nextAttemptTime is when the next try is due."
    )
    reason: Word = Field(default="", description="reason is one word for the last failure.")
    message: Message = Field(default="", description="message says what went wrong.")
    claim: Claim | None = Field(
        default=None, description="claim is who took it on to send a page that has no key."
    )
    credential: Word = Field(
        default="", description="credential is a fingerprint of the credential that sent the page."
    )
    external_id: Key = Field(
        default="", alias="externalID", description="externalID is the vendor's name for the page."
    )
    uncertain: bool = Field(
        default=False,
        description="uncertain says that an attempt ended without an answer, so that it may have arrived.",
    )
    unkeyed: bool = Field(default=False, description="unkeyed says that the vendor knows no idempotency key.")
    unreal: bool = Field(default=False, description="unreal says that the connection reaches no person.")
    closing: Closing | None = Field(
        default=None, description="closing says how far the outside was told of the end."
    )


class Page(StatusModel):
    """One message to one target at one level, through as many connections as it takes."""

    id: Word = Field(description="id names the page, for `spec.acknowledgedBy.<user>.page`.")
    epoch: Count = Field(description="epoch is the epoch that the page belongs to.")
    round: Count = Field(description="round counts the walks through the levels, from 1.")
    level: OwnName = Field(description="level is the level's name; lastResort and operator are ours.")
    due_time: Time = Field(description="dueTime is when the page was due.")
    state: PageState = Field(description="state sums up the hops.")
    late: Word = Field(default="", description="late is by how much the page was late, where by 5 s or more.")
    hops: Annotated[tuple[Hop, ...], Field(max_length=MAX_HOPS)] = Field(
        default=(),
        description="hops are the connections in the order of fallback.",
        json_schema_extra=ATOMIC,
    )
