"""IncidentClass: the severity matrix and what each severity calls for; the StorageClass pattern."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from watchbill.api.escalation_policy import GitOwnedStatus
from watchbill.api.model import DnsLabel, Duration, KindName, LinkUrl, ObjectMeta, SeverityName, SpecModel
from watchbill.api.schema import duration_between, list_map, rule, rules


class NamespacedConnectionRef(SpecModel):
    """The name and namespace of a Connection, as a cluster-scoped referrer gives them."""

    name: KindName = Field(description="name is the name of a Connection.")
    namespace: DnsLabel = Field(description="namespace is the namespace of the Connection.")


class PolicyRef(SpecModel):
    """The name and namespace of an EscalationPolicy."""

    name: KindName = Field(description="name is the name of an EscalationPolicy.")
    namespace: DnsLabel = Field(
        description="namespace is the policy's; it must list this class in `allowedClasses`."
    )


class SeverityEscalation(SpecModel):
    """Which policy of the incident's namespace is walked."""

    policy_name: KindName = Field(description="policyName is looked up in the namespace of the incident.")


class RoleSource(SpecModel):
    """How a role finds its holder."""

    type: Literal["FirstAcknowledger"] = Field(
        description="type says how: FirstAcknowledger is whoever acknowledges first."
    )


class Role(SpecModel):
    """A role that somebody holds in every incident of this severity."""

    name: DnsLabel = Field(description="name is the name of the role, such as commander.")
    from_: RoleSource = Field(alias="from", description="from says how the role finds its holder.")


class Bookmark(SpecModel):
    """A link that everybody in a channel finds at its top."""

    title: Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")] = Field(
        description="title is what the link is called, unique among the channel's bookmarks."
    )
    url: LinkUrl = Field(description="url is where the link leads: http or https, in ASCII.")


class ChannelTemplate(SpecModel):
    """The chat channel that is made for an incident of this severity."""

    connection_ref: NamespacedConnectionRef = Field(description="connectionRef names the chat Connection.")
    name_template: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        default="inc-{{ incident.createdDate }}-{{ incident.name }}",
        description="nameTemplate is the channel's name: text and `{{ incident.FIELD }}`, where FIELD is "
        "createdDate (YYYYMMDD in UTC), name, namespace, severity or title, with the filters default, "
        "lower, trim, truncate and upper. What a chat does not take becomes `-`.",
    )
    bookmarks: Annotated[tuple[Bookmark, ...], Field(max_length=3)] = Field(
        default=(),
        description="bookmarks are links that everybody in the channel finds at its top.",
        json_schema_extra=list_map("title"),
    )


class Response(SpecModel):
    """What a severity brings up besides the page."""

    channel: ChannelTemplate | None = Field(default=None, description="channel is the chat channel to make.")


class PostmortemRule(SpecModel):
    """Whether a postmortem is written."""

    policy: Literal["Required", "Optional", "None"] = Field(
        default="Optional",
        description="policy is Required, Optional or None; a required one holds the incident open "
        "as Resolved until it is done.",
    )
    due_in: Duration | None = Field(
        default=None,
        description="dueIn is how long after the resolution it is due.",
        json_schema_extra=duration_between("1s", "8760h", "dueIn"),
    )


class Severity(SpecModel):
    """One row of the severity matrix."""

    name: SeverityName = Field(description="name is the name of the severity, such as SEV-1.")
    rank: Annotated[int, Field(ge=1, le=10)] = Field(
        description="rank orders the severities; 1 is the worst, and each is used once."
    )
    description: Annotated[str, Field(max_length=512)] = Field(
        default="", description="description says when to choose this severity."
    )
    acknowledge_within: Duration | None = Field(
        default=None,
        description="acknowledgeWithin is the time in which an acknowledgement is expected; it sets "
        "a deadline, a condition and a metric, and pages nobody.",
        json_schema_extra=duration_between("1s", "24h", "acknowledgeWithin"),
    )
    acknowledgement_timeout: Duration | None = Field(
        default=None,
        description="acknowledgementTimeout is the time without an update after which an "
        "acknowledgement expires and paging resumes.",
        json_schema_extra=duration_between("1s", "168h", "acknowledgementTimeout"),
    )
    update_every: Duration | None = Field(
        default=None,
        description="updateEvery is the time in which the next posted update is expected.",
        json_schema_extra=duration_between("1s", "168h", "updateEvery"),
    )
    auto_resolve: bool = Field(
        default=False,
        description="autoResolve lets signals that have cleared resolve the incident.",
    )
    reopen_window: Duration = Field(
        default="1h",
        description="reopenWindow is the time after the resolution in which the incident can be "
        "reopened; it closes after it where no postmortem is required.",
        json_schema_extra=duration_between("1s", "720h", "reopenWindow"),
    )
    escalation: SeverityEscalation | None = Field(
        default=None,
        description="escalation names the policy; absent means the class's defaultEscalation.",
    )
    roles: Annotated[tuple[Role, ...], Field(max_length=7)] = Field(
        default=(),
        description="roles are filled in every incident of this severity.",
        json_schema_extra=list_map("name"),
    )
    response: Response | None = Field(
        default=None, description="response is what is brought up besides the page."
    )
    postmortem: PostmortemRule = Field(
        default=PostmortemRule(), description="postmortem says whether one is written."
    )


class DefaultEscalation(SpecModel):
    """The policy of last recourse of a class."""

    policy_ref: PolicyRef = Field(description="policyRef names the policy and its namespace.")


class IncidentClassSpec(SpecModel):
    """The severity matrix and the policy of last recourse."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.severities.all(s, self.severities.exists_one(o, o.rank == s.rank))",
                "every severity must have a `rank` of its own; 1 is the worst",
                ".severities",
            )
        )
    )

    severities: Annotated[tuple[Severity, ...], Field(min_length=1, max_length=10)] = Field(
        description="severities is the severity matrix, one row for each severity.",
        json_schema_extra=list_map("name"),
    )
    default_escalation: DefaultEscalation = Field(
        description="defaultEscalation is used where the incident's namespace has no such policy, "
        "and when even the policy's lastResort cannot be reached."
    )


class IncidentClass(SpecModel):
    """The severity matrix of a platform."""

    kind_name: ClassVar[str] = "IncidentClass"

    metadata: ObjectMeta = ObjectMeta()
    spec: IncidentClassSpec
    status: GitOwnedStatus = GitOwnedStatus()
