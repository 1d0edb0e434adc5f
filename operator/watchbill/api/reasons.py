"""Every condition type, condition reason and event reason, one sentence each.

The table in the reference documentation is made from these. A member is its word and carries its sentence.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class Explained(StrEnum):
    """A word with the sentence that explains it."""

    _value_: str
    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """The member that equals the word."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member


class IncidentCondition(Explained):
    """The condition types of an Incident; all are present after the first reconcile."""

    ACCEPTED = "Accepted", "Class and policy were found and are frozen into the incident."
    ACKNOWLEDGED = "Acknowledged", "Somebody has taken the incident; stays True in later phases."
    MITIGATED = "Mitigated", "The harm has stopped; stays True in later phases."
    RESOLVED = "Resolved", "The incident is over; it can still be reopened until it is Closed."
    CLOSED = "Closed", "The incident has ended for good; nothing leaves this state."
    ESCALATION_EXHAUSTED = (
        "EscalationExhausted",
        "Every level was paged in vain, and the last resort is paged until somebody acknowledges.",
    )
    UPDATE_OVERDUE = "UpdateOverdue", "No IncidentUpdate was posted in the time that the class expects."
    DEGRADED = "Degraded", "Something keeps pages from getting through, or needs to be closed by hand."


READY = "Ready"
"""The one condition of the kinds that Git owns: the spec is valid and all that it names exists."""


class Reason(Explained):
    """Why a condition has the status that it has."""

    # Accepted
    PLANNED = "Planned", "The class and the policy that it names were found and frozen."
    PENDING = "Pending", "The incident has not been looked at yet."
    CLASS_NOT_FOUND = (
        "ClassNotFound",
        "The IncidentClass does not exist; create it, and the incident goes on.",
    )
    POLICY_NOT_FOUND = (
        "PolicyNotFound",
        "Neither the policy that the class names nor its defaultEscalation can be used.",
    )
    POLICY_SUSPENDED = (
        "PolicySuspended",
        "The policy is suspended: the class's defaultEscalation runs, else the operator's last resort is "
        "paged, else the policy itself runs.",
    )
    DEFAULT_ESCALATION = (
        "DefaultEscalation",
        "The namespace has no policy of the name that the class asks for; its defaultEscalation runs.",
    )
    UNKNOWN_SEVERITY = (
        "UnknownSeverity",
        "The class has no such severity; the incident is worked as the most severe.",
    )
    # Acknowledged, Mitigated, Resolved, Closed
    WAITING = "Waiting", "Nobody has acknowledged yet."
    OVERDUE = "Overdue", "The time that the class expects it in is over."
    BY_PERSON = "ByPerson", "A person said so; the message names them."
    BY_RUN = "ByRun", "A run of a runbook that marks it has succeeded; the message names it."
    EXPIRED = "Expired", "No update followed the acknowledgement in time, and paging resumed."
    WITHDRAWN = "Withdrawn", "Who had acknowledged took it back, and paging resumed."
    REOPENED = "Reopened", "A person reopened the incident."
    CANCELLED = "Cancelled", "A person called the incident off."
    REOPEN_WINDOW_OVER = "ReopenWindowOver", "The time in which the incident could be reopened is over."
    NOT_YET = "NotYet", "It has not happened yet."
    DEBT_OPEN = (
        "DebtOpen",
        "What runs changed for a while is not taken back; the incident is not closed before that is settled.",
    )
    # EscalationExhausted, UpdateOverdue
    LEVELS_REMAIN = "LevelsRemain", "Escalation has not come to its end."
    NOBODY_ACKNOWLEDGED = (
        "NobodyAcknowledged",
        "All levels were paged in every round, and nobody acknowledged.",
    )
    ON_TIME = "OnTime", "The next update is not due yet."
    NO_CADENCE = "NoCadence", "The severity expects no updates."
    # Degraded
    DELIVERING = "Delivering", "Nothing is known to keep pages from getting through."
    CONNECTION_FAILING = (
        "ConnectionFailing",
        "A connection refuses a page or one of its recipients, or does not answer; the message names it.",
    )
    CREDENTIAL_CHANGED = (
        "CredentialChanged",
        "The Secret changed since the page was sent, so it may have to be closed by hand.",
    )
    CONSOLE_ONLY = "ConsoleOnly", "Pages were only written down: nobody was really paged."
    NOBODY_PAGED = "NobodyPaged", "No connection accepts a page, the last resort's included."
    API_SERVER_UNREACHABLE = (
        "APIServerUnreachable",
        "The API server could not be reached, so acknowledgements could not be seen.",
    )
    # Ready
    RESOLVED_REFS = "ResolvedRefs", "The object is valid, and all that it names exists."
    SUSPENDED = "Suspended", "The object is valid, and is passed over until it is resumed."
    REF_NOT_FOUND = "RefNotFound", "An object that it names does not exist."
    REF_NOT_PERMITTED = "RefNotPermitted", "An object that it names does not grant its use."
    SECRET_NOT_FOUND = "SecretNotFound", "The Secret that it names does not exist."
    SECRET_KEY_MISSING = "SecretKeyMissing", "The Secret has no value under the key that it names."
    SECRET_FORBIDDEN = (
        "SecretForbidden",
        "The operator may not read the Secret; the message says the command.",
    )
    EGRESS_DENIED = "EgressDenied", "Its host may not be reached; an administrator can allow it."
    INVALID_URL = "InvalidURL", "A URL, or the Secret's value that should be one, cannot be used."
    INVALID_SPEC = "InvalidSpec", "The spec says something that cannot work."
    SECOND_DEFAULT = "SecondDefault", "Another IncidentClass is marked as the default too; one alone may be."
    POSTED = "Posted", "The update was posted."
    INCIDENT_NOT_FOUND = "IncidentNotFound", "The incident that the update is about does not exist."


REASONS: Mapping[str, tuple[Reason, ...]] = {
    IncidentCondition.ACCEPTED: (
        Reason.PENDING,
        Reason.PLANNED,
        Reason.DEFAULT_ESCALATION,
        Reason.POLICY_SUSPENDED,
        Reason.UNKNOWN_SEVERITY,
        Reason.CLASS_NOT_FOUND,
        Reason.POLICY_NOT_FOUND,
    ),
    IncidentCondition.ACKNOWLEDGED: (
        Reason.WAITING,
        Reason.OVERDUE,
        Reason.BY_PERSON,
        Reason.BY_RUN,
        Reason.EXPIRED,
        Reason.WITHDRAWN,
        Reason.REOPENED,
    ),
    IncidentCondition.MITIGATED: (Reason.NOT_YET, Reason.BY_PERSON, Reason.BY_RUN, Reason.REOPENED),
    IncidentCondition.RESOLVED: (Reason.NOT_YET, Reason.BY_PERSON, Reason.REOPENED),
    IncidentCondition.CLOSED: (
        Reason.NOT_YET,
        Reason.DEBT_OPEN,
        Reason.REOPEN_WINDOW_OVER,
        Reason.CANCELLED,
    ),
    IncidentCondition.ESCALATION_EXHAUSTED: (Reason.LEVELS_REMAIN, Reason.NOBODY_ACKNOWLEDGED),
    IncidentCondition.UPDATE_OVERDUE: (Reason.ON_TIME, Reason.NO_CADENCE, Reason.OVERDUE),
    IncidentCondition.DEGRADED: (
        Reason.DELIVERING,
        Reason.CONNECTION_FAILING,
        Reason.CREDENTIAL_CHANGED,
        Reason.CONSOLE_ONLY,
        Reason.NOBODY_PAGED,
        Reason.API_SERVER_UNREACHABLE,
    ),
    READY: (
        Reason.RESOLVED_REFS,
        Reason.SUSPENDED,
        Reason.REF_NOT_FOUND,
        Reason.REF_NOT_PERMITTED,
        Reason.SECRET_NOT_FOUND,
        Reason.SECRET_KEY_MISSING,
        Reason.SECRET_FORBIDDEN,
        Reason.EGRESS_DENIED,
        Reason.INVALID_URL,
        Reason.INVALID_SPEC,
        Reason.SECOND_DEFAULT,
        Reason.POSTED,
        Reason.INCIDENT_NOT_FOUND,
    ),
}
"""The reasons that each condition type can have."""


class EventReason(Explained):
    """What Watchbill tells with Kubernetes Events; one for each transition."""

    TRIGGERED = "Triggered", "The incident has its plan, and paging begins."
    NOT_PLANNED = "NotPlanned", "There is no class or no policy; the operator's own connection is paged."
    LEVEL_OPENED = "LevelOpened", "The next level of the policy was opened."
    FELL_OVER = "FellOver", "A connection could not deliver; the next one is tried, if there is one."
    ESCALATION_EXHAUSTED = "EscalationExhausted", "Every level was paged in vain; the last resort is paged."
    ACKNOWLEDGED = "Acknowledged", "Somebody took the incident, and paging stops."
    ACKNOWLEDGEMENT_EXPIRED = (
        "AcknowledgementExpired",
        "No update followed the acknowledgement in time; paging resumes.",
    )
    ACKNOWLEDGEMENT_WITHDRAWN = (
        "AcknowledgementWithdrawn",
        "The last person who held the incident gave it back; paging resumes.",
    )
    SEVERITY_CHANGED = "SeverityChanged", "Somebody changed the severity; a rise pages anew."
    ESCALATED = "Escalated", "Somebody asked for a level to be paged now."
    SNOOZED = "Snoozed", "Somebody silenced paging until a time."
    SNOOZE_ENDED = "SnoozeEnded", "The time is over or was taken back; paging resumes."
    POLICY_ADOPTED = "PolicyAdopted", "Somebody had the policy as it is now take the frozen one's place."
    MITIGATED = "Mitigated", "Somebody, or a runbook that has worked, said that the harm has stopped."
    RESOLVED = "Resolved", "Somebody said that the incident is over."
    REOPENED = "Reopened", "Somebody opened the incident again."
    CLOSED = "Closed", "The incident ended for good."
    CANCELLED = "Cancelled", "Somebody called the incident off."
    RUNBOOKS_SUGGESTED = "RunbooksSuggested", "Runbooks are for the incident; the message names them."
    RUN_STARTED = "RunStarted", "A runbook that starts by itself is for the incident, and is run."
    RUN_NOT_STARTED = (
        "RunNotStarted",
        "A run that starts by itself could not be created; it is tried again, and the message says why.",
    )
    DEBT_EXPIRED = (
        "DebtExpired",
        "What a run changed for a while should have been taken back by now; the message says by whom.",
    )
    OVERDUE = "Overdue", "Nobody acknowledged in the time that the class expects."
    ACTION_OVERDUE = (
        "ActionOverdue",
        "Something is overdue by more than a minute; the message says what, and what to do.",
    )
    UNREADABLE = (
        "Unreadable",
        "The incident is not as its schema has it, so that nobody is paged; the message names the field.",
    )
    CONSOLE_PAGE = "ConsolePage", "A page was written down by the console connection."
