"""What stands outside for an incident, besides its pages."""

from typing import Annotated, Literal

from pydantic import Field

from watchbill.api.model import StatusModel, Time, read_as
from watchbill.api.page import Claim, Count, OwnName, Word

EXTERNAL_ID_LENGTH = 253
URL_LENGTH = 512
MESSAGE_LENGTH = 256

ChannelStep = Annotated[Literal["", "Create", "Post", "Describe", "Archive"], read_as("")]


class Resource(StatusModel):
    """Something outside that belongs to the incident."""

    connection: OwnName = Field(description="connection is the name of the Connection that it is made by.")
    state: Annotated[Literal["Pending", "Ready", "Failed"], read_as("Pending")] = Field(
        description="state says how far it is: Pending, Ready, or Failed while it is tried again slowly."
    )
    external_id: Annotated[str, Field(max_length=EXTERNAL_ID_LENGTH)] = Field(
        default="", alias="externalID", description="externalID is the vendor's name for it."
    )
    url: Annotated[str, Field(max_length=URL_LENGTH)] = Field(
        default="", description="url is where people find it."
    )
    message: Annotated[str, Field(max_length=MESSAGE_LENGTH)] = Field(
        default="", description="message says what went wrong, until it goes well."
    )


class Channel(Resource):
    """The chat channel, and how far it has been told what happened."""

    namespace: OwnName = Field(default="", description="namespace is the namespace of the Connection.")
    name: Annotated[str, Field(max_length=80)] = Field(
        default="", description="name is the name of the channel, claimed until externalID is set."
    )
    reason: Word = Field(default="", description="reason is one word for what went wrong.")
    failing: ChannelStep = Field(
        default="", description="failing is the step that did not go well and is tried again."
    )
    attempts: Count = Field(default=0, description="attempts counts the tries of that step.")
    next_attempt_time: Time | None = Field(
        default=None, description="nextAttemptTime is when it is tried again."
    )
    claim: Claim | None = Field(
        default=None, description="claim is who took it on to make the channel, or to post."
    )
    since_time: Time | None = Field(
        default=None, description="sinceTime is when the channel, or the post, was first claimed."
    )
    uncertain: bool = Field(
        default=False, description="uncertain says that what was claimed may have been done already."
    )
    posting: Count = Field(
        default=0, description="posting counts the timeline's entries that a claimed post tells of."
    )
    posted: Count = Field(
        default=0, description="posted counts the entries, from the first on, that were told of."
    )
    described: Word = Field(
        default="", description="described is a digest of the topic and bookmarks that were set."
    )
    archived: bool = Field(default=False, description="archived says that nothing is posted any more.")


class Resources(StatusModel):
    """What stands outside for the incident."""

    channel: Channel | None = Field(default=None, description="channel is the chat channel.")
