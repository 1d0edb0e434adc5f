"""Every condition type, condition reason and event reason, one sentence each.

The table in the reference documentation is generated from these; a reason that is not here fails a test.
"""

from enum import StrEnum


class IncidentCondition(StrEnum):
    """The condition types of an Incident; all are present after the first reconcile."""

    ACCEPTED = "Accepted"
    ACKNOWLEDGED = "Acknowledged"
    MITIGATED = "Mitigated"
    RESOLVED = "Resolved"
    CLOSED = "Closed"
    ESCALATION_EXHAUSTED = "EscalationExhausted"
    UPDATE_OVERDUE = "UpdateOverdue"
    DEGRADED = "Degraded"


READY = "Ready"
"""The one condition of the kinds that Git owns: the spec is valid and all that it names exists."""


class Reason(StrEnum):
    """Why a condition has the status that it has."""

    # Accepted
    PLANNED = "Planned"
    PENDING = "Pending"
    CLASS_NOT_FOUND = "ClassNotFound"
    POLICY_NOT_FOUND = "PolicyNotFound"
    DEFAULT_ESCALATION = "DefaultEscalation"
    UNKNOWN_SEVERITY = "UnknownSeverity"
    # Acknowledged, Mitigated, Resolved, Closed
    WAITING = "Waiting"
    OVERDUE = "Overdue"
    BY_PERSON = "ByPerson"
    EXPIRED = "Expired"
    WITHDRAWN = "Withdrawn"
    REOPENED = "Reopened"
    REGRESSED = "Regressed"
    CANCELLED = "Cancelled"
    REOPEN_WINDOW_OVER = "ReopenWindowOver"
    NOT_YET = "NotYet"
    # EscalationExhausted, UpdateOverdue
    LEVELS_REMAIN = "LevelsRemain"
    NOBODY_ACKNOWLEDGED = "NobodyAcknowledged"
    ON_TIME = "OnTime"
    NO_CADENCE = "NoCadence"
    # Degraded
    DELIVERING = "Delivering"
    CONNECTION_FAILING = "ConnectionFailing"
    CREDENTIAL_CHANGED = "CredentialChanged"
    CONSOLE_ONLY = "ConsoleOnly"
    NOBODY_PAGED = "NobodyPaged"
    API_SERVER_UNREACHABLE = "APIServerUnreachable"
    # Ready
    RESOLVED_REFS = "ResolvedRefs"
    REF_NOT_FOUND = "RefNotFound"
    REF_NOT_PERMITTED = "RefNotPermitted"
    SECRET_NOT_FOUND = "SecretNotFound"
    SECRET_KEY_MISSING = "SecretKeyMissing"
    SECRET_FORBIDDEN = "SecretForbidden"
    INVALID_URL = "InvalidURL"
    INVALID_SPEC = "InvalidSpec"
    POSTED = "Posted"
    INCIDENT_NOT_FOUND = "IncidentNotFound"


class EventReason(StrEnum):
    """What Watchbill tells with Kubernetes Events; one for each transition."""

    TRIGGERED = "Triggered"
    NOT_PLANNED = "NotPlanned"
    LEVEL_OPENED = "LevelOpened"
    FELL_OVER = "FellOver"
    ESCALATION_EXHAUSTED = "EscalationExhausted"
    ACKNOWLEDGED = "Acknowledged"
    ACKNOWLEDGEMENT_EXPIRED = "AcknowledgementExpired"
    ACKNOWLEDGEMENT_WITHDRAWN = "AcknowledgementWithdrawn"
    SEVERITY_CHANGED = "SeverityChanged"
    ESCALATED = "Escalated"
    SNOOZED = "Snoozed"
    SNOOZE_ENDED = "SnoozeEnded"
    POLICY_ADOPTED = "PolicyAdopted"
    MITIGATED = "Mitigated"
    RESOLVED = "Resolved"
    REOPENED = "Reopened"
    CLOSED = "Closed"
    CANCELLED = "Cancelled"
    OVERDUE = "Overdue"
    CONSOLE_PAGE = "ConsolePage"
    DELETED_OPEN = "DeletedOpen"
