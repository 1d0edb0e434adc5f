"""Every condition type, reason and event reason of a RunbookRun, one sentence each."""

from watchbill.api.reasons import Explained


class RunCondition(Explained):
    """The condition types of a RunbookRun; all are present after the first reconcile."""

    PLANNED = "Planned", "The runbook is pinned, and what each step would do is shown in status.plan."
    BLOCKED = "Blocked", "Something keeps the next step from starting; the reason and the message say what."
    APPROVED = "Approved", "Whoever must approve the next step has approved the plan as it is."
    SUCCEEDED = "Succeeded", "Every step was done or skipped; False once the run has ended otherwise."
    ENDED = "Ended", "The run is over, and nothing of it changes any more."


class RunReason(Explained):
    """Why a run waits, stops or ends as it does."""

    NOT_YET = "NotYet", "It has not come to that yet."
    AS_EXPECTED = "AsExpected", "Nothing is in the way."
    # Blocked
    RUNBOOK_NOT_FOUND = "RunbookNotFound", "The runbook does not exist in the run's namespace; create it."
    INCIDENT_NOT_FOUND = "IncidentNotFound", "The incident that the run is for does not exist."
    PARENT_NOT_FOUND = "ParentNotFound", "The run that this one is a step of cannot be seen."
    TOO_DEEP = "TooDeep", "Runbooks that run runbooks go no further than four deep."
    REQUESTER_UNKNOWN = (
        "RequesterUnknown",
        "The run does not say who requested it, so nobody could approve it.",
    )
    INVALID_PARAMETERS = "InvalidParameters", "A parameter is missing, unknown or of another type."
    INVALID_STEP = (
        "InvalidStep",
        "A step cannot be made of the parameters, or this operator knows no such kind.",
    )
    UNREADABLE = "Unreadable", "What was pinned was changed since, or is of a newer operator."
    TOO_LARGE = "TooLarge", "The runbook is too large to be pinned in a run; split it."
    ACCOUNT_FORBIDDEN = (
        "AccountForbidden",
        "The operator may not have a token of the runbook's account; the message says the command.",
    )
    NO_PLAN = "NoPlan", "What the steps would do could not be asked for; it is tried again."
    DENIED = "Denied", "The runbook's account lacks a right that a step needs; the plan names it."
    RUNBOOK_SUSPENDED = (
        "RunbookSuspended",
        "The runbook is suspended: no run of it begins before it is resumed; one that has begun goes on.",
    )
    PAUSED = "Paused", "Runs are paused, all of them or those of this runbook; steps go on when that ends."
    NEEDS_PERSON = (
        "NeedsPerson",
        "A step of High risk never starts by itself: a person must request or approve it.",
    )
    LOCKED = "Locked", "Another run holds the lock; this one goes on when that has ended."
    TOO_MANY_RUNS = "TooManyRuns", "As many runs of the runbook act as its maxConcurrent allows."
    COOLDOWN = "Cooldown", "The last run with this lock ended less than the cooldown ago."
    HOURLY_CAP = "HourlyCap", "As many runs of the runbook started within an hour as its maxPerHour allows."
    BREAKER_OPEN = (
        "BreakerOpen",
        "Too many runs of the runbook failed in a row; it is left alone for a while.",
    )
    # Approved
    NOT_NEEDED = "NotNeeded", "The next step needs no approval."
    WAITING = "Waiting", "Somebody else than the requester must approve the plan by its hash."
    APPROVED = "Approved", "Enough people approved the plan as it is."
    # stopped and ended
    SUCCEEDED = "Succeeded", "Every step was done or skipped."
    STEP_FAILED = "StepFailed", "A step failed; the message says which, and why."
    OUTCOME_UNKNOWN = (
        "OutcomeUnknown",
        "Nobody can tell whether a step was done: nothing follows it, and a person is asked to look.",
    )
    UNDO_FAILED = "UndoFailed", "What a step did could not be taken back: a person is asked to look."
    CANCELLED = "Cancelled", "A person called the run off; what was done is left as it is."
    REJECTED = "Rejected", "An approver rejected the plan."
    APPROVAL_EXPIRED = "ApprovalExpired", "Nobody approved in time."
    TIMED_OUT = "TimedOut", "The run took longer than it may."
    FORESEEN = "Foreseen", "It was a dry run: the plan is shown, and nothing was changed."


def reason_of(word: str, otherwise: RunReason) -> RunReason:
    """The reason of this word; another one for a word that only a newer operator knows."""
    return next((each for each in RunReason if each == word), otherwise)


class RunEventReason(Explained):
    """What Watchbill tells of a run with Kubernetes Events; one for each transition."""

    PINNED = "Pinned", "The runbook was pinned to its content as it is."
    BLOCKED = "Blocked", "Something keeps the next step from starting."
    APPROVAL_WANTED = "ApprovalWanted", "Somebody else must approve the plan."
    PLAN_CHANGED = "PlanChanged", "The plan is another one, so approvals of the former count no more."
    STEP_STARTED = "StepStarted", "A step was begun."
    STEP_SUCCEEDED = "StepSucceeded", "A step was done, and verified where the runbook asks for it."
    STEP_FAILED = "StepFailed", "A step failed."
    UNDO_STARTED = "UndoStarted", "What a step did is taken back."
    PERSON_NEEDED = "PersonNeeded", "A person must look: nobody can tell what a step did."
    ENDED = "Ended", "The run is over; the message says how."
