"""What the field expects of an operator, and by which command each of it is shown here.

A test shows a convention by `@pytest.mark.convention(32)`, put on itself, its class or its module, there as
`pytestmark`. The marks are read from the sources, so that the page is the same wherever it is made.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dev.layout import REPOSITORY
from dev.reference import table

PAGE = "docs/reference/conventions.md"
MARK = "convention"
OPEN = "open"
"""What stands in the place of a command where no test shows the convention yet."""

INTRODUCTION = """# Conventions of the field

What people who run operators expect of one, which projects are known for doing it well, and the command that
shows it here, in a checkout. Made by `make generate` from the marks of the tests: a convention that none of
them carries is **open**. The number is a name, and stays with its convention.

"""

AFTER = """
`make e2e` needs root on Linux: it starts a cluster of one node, with its pods. The other commands need what
`make test` builds.
"""

CONVENTIONS: Mapping[int, tuple[str, str]] = {
    21: (
        "What stands in another namespace is used by its consent alone, and no Secret shows anywhere",
        "Gateway API, cert-manager",
    ),
    28: ("`helm lint --strict` of Helm 3 and of Helm 4 finds no fault in the chart", "argo-helm"),
    29: ("Every value has a type, and a key that the chart does not know is refused", "cert-manager"),
    30: (
        "What is rendered is valid on the oldest, a later and the newest Kubernetes, for each file of values",
        "kube-prometheus-stack",
    ),
    31: (
        "One value decides whether the chart brings the definitions; they stay when it is uninstalled",
        "cert-manager, Argo Rollouts",
    ),
    32: ("Every pod meets the Pod Security Standard `restricted` unasked", "cert-manager"),
    33: (
        "The cluster's `view`, `edit` and `admin` get what fits them; responders have a role; no wildcards",
        "cert-manager, External Secrets",
    ),
    34: ("The operator's role is enough, and none of its rules is too much", "External Secrets"),
    35: (
        "An operator of a few namespaces has no rights in others; cluster-wide, it reads the classes alone",
        "External Secrets",
    ),
    36: (
        "Monitors, alerts, a NetworkPolicy and a PodDisruptionBudget are one value each; replicas are spread",
        "cert-manager",
    ),
    37: ("`helm test` says whether the release works", "cert-manager"),
    38: (
        "The table of values is made from them; after an installation the notes tell the next command",
        "helm-docs, cert-manager",
    ),
    39: ("What the chart tells Artifact Hub is complete and true", "Artifact Hub"),
    40: (
        "Argo CD judges the health of each kind, and suspends, by scripts that were tried in every state",
        "Argo CD",
    ),
    41: ("Flux waits for what is in Git by an expression for each kind, tried in every state", "Flux"),
    42: ("Nothing drifts: once the operator has worked, a server-side diff is still empty", "Argo CD"),
    45: ("`spec.suspend` sets a runbook or a policy aside, shown as such, and silences nobody", "Flux"),
    54: ("Metrics have names that Prometheus recommends, are documented, and pass promtool", "Operator SDK"),
    55: (
        "Alerts are tried by promtool, firing and silent, and each has a page with the same four headings",
        "Prometheus Operator",
    ),
    56: ("The dashboard asks for nothing that the operator does not show", "External Secrets"),
    57: ("Logs are JSON, name the reconcile that they belong to, and hold no secret", "controller-runtime"),
    58: ("Probes say what is so; a pod that is told to end first ends what it has begun", "cert-manager"),
    59: ("One incident is one trace", "OpenTelemetry"),
    60: (
        "One of two replicas pages; when it is killed the other soon follows, and pages nobody twice",
        "controller-runtime",
    ),
    61: ("After a restart or a long downtime what was due is done once, and says that it is late", "kopf"),
}
"""Each convention in one sentence, and who is known for it."""


def conventions_page() -> str:
    """The page: each convention with the command that shows it, or that it is open."""
    proven = carriers()
    rows = ((str(number), *said, command_for(proven.get(number, ()))) for number, said in CONVENTIONS.items())
    return INTRODUCTION + table(("", "convention", "done well by", "shown by"), rows) + AFTER


def command_for(tests: Sequence[str]) -> str:
    """What runs these tests, in backquotes."""
    if not tests:
        return f"**{OPEN}**"
    plain = [test for test in tests if not test.startswith("tests/e2e/")]
    commands = [" ".join(["pytest", *plain])] if plain else []
    return ", ".join(f"`{each}`" for each in (*commands, *["make e2e"][: len(tests) - len(plain)]))


def carriers(root: Path = REPOSITORY) -> dict[int, list[str]]:
    """Which tests carry which convention, as pytest names them; ValueError for an unknown number."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for file in sorted(root.glob("tests/**/test_*.py")):
        text = file.read_text(encoding="utf-8")
        if f"mark.{MARK}(" in text:
            for number, name in marks(ast.parse(text).body):
                found[number].append("::".join(filter(None, (file.relative_to(root).as_posix(), name))))
    if unknown := found.keys() - CONVENTIONS:
        raise ValueError(f"unknown conventions: {sorted(unknown)}")
    return dict(found)


def marks(body: Sequence[ast.stmt], inside: str = "") -> Iterator[tuple[int, str]]:
    """Each number that a module or a class carries, with the test's name; the empty one for all of it."""
    for node in body:
        if isinstance(node, ast.Assign) and "pytestmark" in map(ast.unparse, node.targets):
            yield from ((number, inside) for number in _numbers(node.value))
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{inside}::{node.name}".removeprefix("::")
            yield from ((number, name) for each in node.decorator_list for number in _numbers(each))
            if isinstance(node, ast.ClassDef):
                yield from marks(node.body, name)


def _numbers(expression: ast.expr) -> Iterator[int]:
    for call in ast.walk(expression):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"pytest.mark.{MARK}":
            yield from (ast.literal_eval(argument) for argument in call.args)
