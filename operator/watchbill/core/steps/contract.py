"""What a kind of step must do, the requests that it may make, and what comes of them."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from watchbill.api.connection import SecretKeyRef
from watchbill.api.runbook import Risk, Step
from watchbill.core.digest import fingerprint
from watchbill.core.outcomes import Result

Verb = Literal["get", "list", "create", "patch", "delete"]
Content = Literal["json", "merge", "strategic", "apply"]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to the API server, made as the runbook's own account."""

    verb: Verb
    api_version: str
    kind: str
    namespace: str
    name: str = ""
    subresource: str = ""
    body: str = ""
    """JSON."""
    content: Content = "json"
    """How a patch is read."""
    selector: str = ""
    """The labels that a list is limited to."""
    dry_run: bool = False
    """Whether the server answers as if it had done it, and does nothing."""

    @property
    def is_read(self) -> bool:
        """Whether it can change nothing."""
        return self.dry_run or self.verb in ("get", "list")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request to elsewhere; it follows no redirect."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    authorization: SecretKeyRef | None = None
    """The Secret key with the Authorization header, to be read as the runbook's account."""

    @property
    def is_read(self) -> bool:
        """Whether it can change nothing."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to people: through a Connection of the namespace, or in the incident's channel."""

    connection: str
    text: str
    is_read: bool = False


Request: TypeAlias = ApiRequest | HttpRequest | Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request."""

    result: Result
    status: int = 0
    """Of HTTP; 0 where there was no answer."""
    body: Any = None
    """The JSON of the answer, where it is that."""
    text: str = ""
    """The answer where it is no JSON, such as a log."""
    message: str = ""
    """What went wrong, without secrets."""

    @property
    def is_ok(self) -> bool:
        """Whether it was done."""
        return self.result == Result.OK


@dataclass(frozen=True, slots=True)
class Reversal:
    """One request that takes something back, if nobody has changed it since."""

    request: ApiRequest
    expects: str = ""
    """JSON that must still be part of the object; empty where it does not matter."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a step would do, foretold without doing it."""

    summary: str
    requests: tuple[Request, ...] = ()
    diff: tuple[str, ...] = ()
    """What would change, a field a line, with secrets masked."""
    denied: str = ""
    """What refuses it, where something does."""
    forbidden: bool = False
    """The account lacks a right: no use in starting before it has it."""
    reversals: tuple[Reversal, ...] = ()
    """How to take it back; none where that is not known."""
    debt: str = ""
    """What is changed for a while only, where something is."""
    precondition: str = ""
    """The version of the object that this was foretold of; no part of what is approved."""
    previous: str = ""
    """The value that a RestoringKind would set again, in JSON; the difference shows it."""

    @property
    def hash(self) -> str:
        """The digest of what people approve: what is done, what changes, and how it is taken back."""
        return fingerprint(
            [
                self.summary,
                [repr(request) for request in self.requests],
                self.diff,
                self.denied,
                [repr(each) for each in self.reversals],
            ]
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of a step, or of one look at it."""

    result: Result
    """RETRY and CONFLICT say that surely nothing was done; UNKNOWN that nobody can tell."""
    pending: bool = False
    """It is under way, and is to be looked at again."""
    handle: str = ""
    """What to look at."""
    output: str = ""
    reason: str = ""
    message: str = ""
    undo: str = ""
    """How to take back what was done, in JSON."""
    planned: Planned | None = None
    """The new plan, where it is not the one that was to be done."""
    owes: bool = False
    """What the plan owes is owed, though the step failed."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a step knows of the run that it is part of."""

    uid: str
    namespace: str
    name: str
    account: str
    user: str
    """The user name of the account."""
    namespaces: tuple[str, ...] = ()
    """Further namespaces in which a target may be."""
    selector: str = ""
    """What labels a target must have, as `key=value,…`."""
    min_available: str = ""
    """How many replicas of a target must be available, or which share of them."""
    parameters: Mapping[str, str | int | bool] = field(default_factory=dict)
    incident: str = ""
    """The name of the incident, where there is one."""
    masked: tuple[str, ...] = field(default=(), repr=False)
    """Texts that must not be shown."""


Planning: TypeAlias = Generator[Request, Answer, Planned]
Talk: TypeAlias = Generator[Request, Answer, StepResult]
"""An exchange: it yields each request, takes its answer, and returns what came of the whole."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known, without asking anybody, of a step whose turn it is."""

    started: datetime
    now: datetime
    done_by: str = ""
    """Who says that they have done it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The step is not done, and is to be looked at when this moment comes, or when something changes."""

    until: datetime | None = None


@runtime_checkable
class LocalKind(Protocol):
    """A kind that asks nobody outside."""

    name: str
    risk: Risk

    def plan(self, step: Step) -> Planned:
        """What the step would do."""
        ...

    def judged(self, step: Step, view: View) -> StepResult | Waiting:
        """What came of the step, or until when it waits."""
        ...


class RemoteKind(Protocol):
    """A kind that makes requests."""

    name: str
    risk: Risk
    """How much can go wrong where the step does not say."""
    acts: bool
    """Whether it changes something outside: then it is claimed first, and never done twice."""
    unknown_stops: bool
    """Whether the run stops where nobody can tell if it was done."""

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """What the step would do; it only reads, and asks for dry runs."""
        ...

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """The step itself, by the requests of the plan that was made a moment ago."""
        ...

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """One look at what is under way."""
        ...

    def patience(self, step: Step) -> timedelta | None:
        """How long it may be under way; None for the step's own timeout."""
        ...


@runtime_checkable
class RestoringKind(Protocol):
    """A kind that takes back by itself what it did."""

    def restored(self, step: Step, run: RunFacts, undo: str) -> Talk:
        """What came of it, if nobody has changed since what the step did; `undo` is what the step kept."""
        ...


Kind: TypeAlias = LocalKind | RemoteKind
