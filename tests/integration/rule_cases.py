"""For each CEL rule of the schemas: objects that it lets pass, and objects that it refuses."""

from dataclasses import dataclass
from typing import Any

from watchbill.api.group import API_VERSION

Object = dict[str, Any]
Change = dict[str, Any]

TARGET = {"connectionRef": {"name": "pager"}}
OTHER = {"connectionRef": {"name": "backup"}}
MAIL = {"host": "smtp.example.com", "from": "a@example.com", "to": ["b@example.com"]}
SECRET_KEY = {"name": "mail", "key": "k"}
LOGIN = {"usernameSecretRef": SECRET_KEY, "passwordSecretRef": SECRET_KEY}
LONG_NAME, LONGEST_NAME = "n" * 64, "n" * 63

BASES: dict[str, Change] = {
    "Incident": {"title": "Checkout returns 500", "severity": "SEV-1"},
    "EscalationPolicy": {
        "levels": [{"name": "primary", "escalateAfter": "5m", "targets": [TARGET]}],
        "lastResort": {"targets": [TARGET]},
    },
    "IncidentClass": {
        "severities": [{"name": "SEV-1", "rank": 1}],
        "defaultEscalation": {"policyRef": {"name": "all-hands", "namespace": "platform"}},
    },
    "Connection": {"console": {}},
    "IncidentUpdate": {
        "incidentRef": {"name": "checkout"},
        "by": "admin",
        "audience": ["Internal"],
        "text": "We look into it.",
    },
    "Runbook": {
        "title": "Wait for a while",
        "serviceAccountName": "incident-responder",
        "steps": [{"name": "first", "wait": {"duration": "1s"}}],
    },
    "RunbookRun": {"runbookRef": {"name": "roll-back"}, "requestedBy": "admin"},
}
"""The least that each kind takes; a change is a JSON merge patch of its spec."""


@dataclass(frozen=True)
class Case:
    """One rule: where it stands, the path that it blames, and changes on both sides of it."""

    rule: str
    message: str
    blames: str
    passes: tuple[Change, ...]
    refuses: tuple[Change, ...]
    before: Change | None = None
    """The object as it was, for a rule about a change; the changes are then patches of it."""
    status: Change | None = None
    """The status that the object had."""

    @property
    def kind(self) -> str:
        """The kind that has the rule."""
        return self.rule.partition(".")[0]


def manifest(kind: str, change: Change, name: str = "example") -> Object:
    """The object of this kind with a change of its spec; `metadata.name` in it names the object."""
    spec = merged(BASES[kind], change)
    name = spec.pop("metadata.name", name)
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def merged(target: Any, patch: Any) -> Any:
    """The target after an RFC 7386 merge patch."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merged(kept.get(key), value)
    return kept


def name_case(kind: str) -> Case:
    """The rule that keeps names, and so references to them, short."""
    return Case(
        kind,
        "`metadata.name` must be at most 63 characters: choose a shorter name",
        "metadata.name",
        passes=({"metadata.name": LONGEST_NAME},),
        refuses=({"metadata.name": LONG_NAME},),
    )


def duration_case(field: str, most: str, beyond: str) -> Case:
    """The bounds of a duration in a row of the severity matrix."""
    *parents, name = field.split(".")

    def row(value: str) -> Change:
        inner: Change = {name: value}
        for parent in reversed(parents):
            inner = {parent: inner}
        return {"severities": [{"name": "SEV-1", "rank": 1, **inner}]}

    return Case(
        f"IncidentClass.spec.severities[].{field}",
        f"`{name}` must be a duration from 1s to {most}, such as 5m or 1h30m",
        f"spec.severities[0].{field}",
        passes=(row("1s"), row(most)),
        refuses=(row("999ms"), row(beyond)),
    )


def levels(targets: int, count: int) -> list[Object]:
    """This many levels with this many targets each."""
    each = [{"connectionRef": {"name": f"pager-{number}"}} for number in range(targets)]
    return [{"name": f"level-{n}", "escalateAfter": "5m", "targets": each} for n in range(count)]


def delayed(duration: str) -> Change:
    """A policy whose level waits this long."""
    return {"levels": [{"name": "primary", "escalateAfter": duration, "targets": [TARGET]}]}


def paging(*targets: Object) -> Change:
    """A policy whose level pages these targets."""
    return {"levels": [{"name": "primary", "escalateAfter": "5m", "targets": list(targets)}]}


def falling(*fallbacks: Object) -> Object:
    """The target with these fallbacks."""
    return TARGET | {"fallback": list(fallbacks)}


def said(state: str | None, reason: str | None) -> Change:
    """What `admin` says of an incident."""
    return {"state": state, "stateReason": reason, "setBy": {"state": "admin"}}


DUPLICATE = "every target must name another connection: duplicates page nobody twice"
VAIN_FALLBACK = "every fallback must name another connection than its target: name another or leave it out"
USER_NAME = "must be a user name of 1 to 253 characters"

CASES = (
    Case(
        "Incident.spec",
        "`classRef` must not change: declare another incident",
        "spec",
        before={"classRef": {"name": "service"}},
        passes=({"title": "Checkout is slow"},),
        refuses=({"classRef": {"name": "other"}}, {"classRef": None}),
    ),
    Case(
        "Incident.spec",
        "`stateReason` must be set when `state` is Cancelled",
        "spec.stateReason",
        before={},
        passes=(said("Cancelled", "false alarm"), said("Resolved", None)),
        refuses=(said("Cancelled", None),),
    ),
    Case(
        "Incident.spec",
        "`stateReason` must be changed when `state` becomes Cancelled: "
        "it still says why the state was another",
        "spec.stateReason",
        before={"mode": "Backfill", **said("Mitigated", "rolled back")},
        passes=(
            said("Cancelled", "a false alarm after all"),
            said("Resolved", "rolled back"),
            said("Mitigated", "rolled back, again"),
            said(None, None),
        ),
        refuses=(said("Cancelled", "rolled back"),),
    ),
    Case(
        "Incident.spec.title",
        "`title` must say what is wrong: nothing in it can be read",
        "spec.title",
        passes=({"title": "?"}, {"title": "התשלום נכשל"}, {"title": "\N{FIRE}"}),
        refuses=tuple(
            {"title": text} for text in (" \t", "\N{IDEOGRAPHIC SPACE}", "\v", "\x00", "\u202e\u200b")
        ),
    ),
    Case(
        "Incident.spec.mode",
        "`mode` must not change: declare another incident",
        "spec.mode",
        before={"mode": "Drill"},
        passes=({"title": "Checkout is slow"},),
        refuses=({"mode": "Live"}, {"mode": "Backfill"}, {"mode": None}),
    ),
    Case(
        "Incident.spec.acknowledgedBy",
        f"every key of `acknowledgedBy` {USER_NAME}",
        "spec.acknowledgedBy",
        before={},
        passes=({"acknowledgedBy": {"admin": {}}},),
        refuses=({"acknowledgedBy": {"": {}}}, {"acknowledgedBy": {"a" * 254: {}}}),
    ),
    Case(
        "Incident.spec.debtSettledBy",
        f"every key of `debtSettledBy` {USER_NAME}",
        "spec.debtSettledBy",
        before={},
        passes=({"debtSettledBy": {"admin": {"entries": ["run-1/flip"]}}},),
        refuses=(
            {"debtSettledBy": {"": {"entries": ["run-1/flip"]}}},
            {"debtSettledBy": {"a" * 254: {"entries": ["run-1/flip"]}}},
        ),
    ),
    name_case("EscalationPolicy"),
    Case(
        "EscalationPolicy.spec",
        "targets of all levels times rounds must be at most 100: "
        "use fewer targets or a smaller `repeat.times`",
        "spec.levels",
        passes=(
            {"levels": levels(10, 10)},
            {"levels": levels(10, 5), "repeat": {"times": 1}},
            {"levels": levels(5, 2), "repeat": {"times": 9}},
        ),
        refuses=(
            {"levels": levels(10, 10), "repeat": {"times": 1}},
            {"levels": levels(6, 2), "repeat": {"times": 9}},
        ),
    ),
    Case(
        "EscalationPolicy.spec.levels[].escalateAfter",
        "`escalateAfter` must be a duration from 1s to 24h, such as 5m or 1h30m",
        "spec.levels[0].escalateAfter",
        passes=(delayed("1s"), delayed("24h"), delayed("10s30m1h")),
        refuses=(delayed("0s"), delayed("24h1s")),
    ),
    Case(
        "EscalationPolicy.spec.levels[].targets",
        DUPLICATE,
        "spec.levels[0].targets",
        passes=(
            paging(TARGET, OTHER),
            paging(TARGET, {"connectionRef": {"name": "pager", "namespace": "other"}}),
        ),
        refuses=(paging(TARGET, OTHER, TARGET),),
    ),
    Case(
        "EscalationPolicy.spec.lastResort.targets",
        DUPLICATE,
        "spec.lastResort.targets",
        passes=({"lastResort": {"targets": [TARGET, OTHER]}},),
        refuses=({"lastResort": {"targets": [TARGET, TARGET]}},),
    ),
    Case(
        "EscalationPolicy.spec.levels[].targets[]",
        VAIN_FALLBACK,
        "spec.levels[0].targets[0].fallback",
        passes=(
            paging(falling(OTHER)),
            paging(falling({"connectionRef": {"name": "pager", "namespace": "other"}})),
        ),
        refuses=(paging(falling(TARGET)), paging(falling(OTHER, TARGET))),
    ),
    Case(
        "EscalationPolicy.spec.lastResort.targets[]",
        VAIN_FALLBACK,
        "spec.lastResort.targets[0].fallback",
        passes=({"lastResort": {"targets": [falling(OTHER)]}},),
        refuses=({"lastResort": {"targets": [falling(TARGET)]}},),
    ),
    name_case("IncidentClass"),
    Case(
        "IncidentClass.spec",
        "every severity must have a `rank` of its own; 1 is the worst",
        "spec.severities",
        passes=({"severities": [{"name": "SEV-1", "rank": 1}, {"name": "SEV-2", "rank": 2}]},),
        refuses=({"severities": [{"name": "SEV-1", "rank": 1}, {"name": "SEV-2", "rank": 1}]},),
    ),
    duration_case("acknowledgeWithin", "24h", "24h1ms"),
    duration_case("acknowledgementTimeout", "168h", "169h"),
    duration_case("updateEvery", "168h", "168h1m"),
    duration_case("reopenWindow", "720h", "721h"),
    duration_case("postmortem.dueIn", "8760h", "8760h1s"),
    name_case("Connection"),
    Case(
        "Connection.spec",
        "exactly one vendor must be set: `pagerDuty`, `webhook`, `smtp`, `console`, `slack`",
        "spec",
        passes=({}, {"console": None, "webhook": {"url": "https://hooks.example.com/page"}}),
        refuses=({"console": None}, {"webhook": {"url": "https://hooks.example.com/page"}}),
    ),
    Case(
        "Connection.spec.webhook",
        "exactly one of `url` and `urlSecretRef` must be set",
        "spec.webhook",
        passes=({"console": None, "webhook": {"urlSecretRef": {"name": "hook", "key": "url"}}},),
        refuses=(
            {"console": None, "webhook": {}},
            {
                "console": None,
                "webhook": {"url": "https://example.com", "urlSecretRef": {"name": "hook", "key": "url"}},
            },
        ),
    ),
    Case(
        "Connection.spec.smtp",
        "`usernameSecretRef` and `passwordSecretRef` must be set together",
        "spec.smtp",
        passes=({"console": None, "smtp": MAIL | LOGIN}, {"console": None, "smtp": MAIL}),
        refuses=(
            {"console": None, "smtp": MAIL | {"usernameSecretRef": SECRET_KEY}},
            {"console": None, "smtp": MAIL | {"passwordSecretRef": SECRET_KEY}},
        ),
    ),
    Case(
        "Connection.spec.smtp",
        "a password must not travel in the clear: `tls` must be StartTLS or Implicit",
        "spec.smtp",
        passes=(
            {"console": None, "smtp": MAIL | LOGIN | {"tls": "Implicit"}},
            {"console": None, "smtp": MAIL | {"tls": "None"}},
        ),
        refuses=({"console": None, "smtp": MAIL | LOGIN | {"tls": "None"}},),
    ),
    Case(
        "Connection.spec.allowedNamespaces",
        "`names` must be set when `from` is Names, and only then",
        "spec.allowedNamespaces",
        passes=(
            {"allowedNamespaces": {}},
            {"allowedNamespaces": {"from": "Names", "names": ["shop"]}},
            {"allowedNamespaces": {"from": "All"}},
        ),
        refuses=(
            {"allowedNamespaces": {"from": "Names"}},
            {"allowedNamespaces": {"from": "Names", "names": []}},
            {"allowedNamespaces": {"from": "All", "names": ["shop"]}},
            {"allowedNamespaces": {"names": ["shop"]}},
        ),
    ),
    name_case("IncidentUpdate"),
    Case(
        "IncidentUpdate.spec",
        "an update must not change once posted: create another",
        "spec",
        before={"publicPhase": "Investigating"},
        passes=({"approvals": {}},),
        refuses=(
            {"publicPhase": "Identified"},
            {"publicPhase": None},
            {"text": "Never mind."},
            {"audience": ["Public"]},
            {"incidentRef": {"name": "other"}},
            {"by": None},
        ),
    ),
    Case(
        "IncidentUpdate.spec.approvals",
        f"every key of `approvals` {USER_NAME}",
        "spec.approvals",
        passes=({"approvals": {}},),
        refuses=({"approvals": {"": {}}}, {"approvals": {"b" * 254: {}}}),
    ),
)
