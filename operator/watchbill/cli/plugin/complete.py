"""`kubectl_complete-watchbill`: what kubectl's shell completion offers after `kubectl watchbill`.

It answers within a keystroke, so it imports nothing but the standard library, and asks the API server for
names alone. Whatever goes wrong, it offers nothing.
"""

import subprocess
import sys
from collections.abc import Sequence

from watchbill.cli.plugin.names import COMMANDS, OFFLINE, RUNBOOK

NO_FILES = ":4"
"""Cobra's directive: the candidates are all there is."""

FILES = ":0"
"""Cobra's directive: files are candidates, too."""

SECONDS = 2

FLAGS = {"-n", "--namespace", "--context", "--kubeconfig"}
"""The flags with a value that say where to look for names."""

ANSWERS = {
    "-o": ("json", "yaml", "wide", "name"),
    "--output": ("json", "yaml", "wide", "name"),
    "--mode": ("Live", "Drill", "Backfill"),
    "--audience": ("Internal", "Stakeholders", "Public"),
    "--public-phase": ("Investigating", "Identified", "Monitoring", "Resolved"),
}
"""The values that a flag takes."""

KINDS = {
    "-n": "namespaces",
    "--namespace": "namespaces",
    "--class": "incidentclasses.watchbill.dev",
    "--incident": "incidents.watchbill.dev",
}
"""The flags whose values are names of objects."""

NAMELESS = (*OFFLINE, "declare", "list", "test-page")
"""The commands whose first argument is no name of an object."""

ARGUMENTS = {
    "oncall": "escalationpolicies.watchbill.dev",
    "runbook list": "",
    "runbook run": "runbooks.watchbill.dev",
    **dict.fromkeys([f"runbook {name}" for name in RUNBOOK[2:]], "runbookruns.watchbill.dev"),
}
"""The commands whose first argument is no incident's name, but one of these, or none."""


def candidates(words: Sequence[str]) -> tuple[list[str], str]:
    """What may stand in the place of the last word, which may be begun, and Cobra's directive."""
    *typed, begun = words or [""]
    if not typed:
        return _beginning(COMMANDS, begun), NO_FILES
    before = typed[-1]
    if before in ANSWERS:
        return _beginning(ANSWERS[before], begun), NO_FILES
    where = _where(typed)
    if before in KINDS:
        return _beginning(_names(KINDS[before], where), begun), NO_FILES
    if before == "--kubeconfig" or typed[0] in ("simulate", "lint"):
        return [], FILES
    if typed[0] in NAMELESS or begun.startswith("-"):
        return [], NO_FILES
    return _beginning(_arguments_of(_arguments(typed), where), begun), NO_FILES


def main() -> None:
    """Print the candidates, one a line, and the directive."""
    found, directive = candidates(sys.argv[1:])
    print(*found, directive, sep="\n")


def _arguments_of(words: Sequence[str], where: Sequence[str]) -> Sequence[str]:
    """What may be the next argument after a command and these."""
    if words == ["runbook"]:
        return RUNBOOK
    depth = 2 if words[0] == "runbook" else 1
    kind = ARGUMENTS.get(" ".join(words[:depth]), "incidents.watchbill.dev")
    return _names(kind, where) if kind and len(words) == depth else []


def _beginning(texts: Sequence[str] | dict[str, str], begun: str) -> list[str]:
    return [text for text in texts if text.startswith(begun)]


def _where(typed: Sequence[str]) -> list[str]:
    pairs = zip(typed, [*typed[1:], ""], strict=True)
    return [part for flag, value in pairs if flag in FLAGS and value for part in (flag, value)]


def _arguments(typed: Sequence[str]) -> list[str]:
    """The words that are neither flags nor a flag's value."""
    found = []
    for before, word in zip(["", *typed[:-1]], typed, strict=True):
        if not word.startswith("-") and before not in {*FLAGS, *ANSWERS, *KINDS}:
            found.append(word)
    return found


def _names(kind: str, where: Sequence[str]) -> list[str]:
    path = "jsonpath={range .items[*]}{.metadata.name}{'\\n'}{end}"
    command = ["kubectl", "get", kind, *where, f"--request-timeout={SECONDS}s", "--output", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split() if done.returncode == 0 else []
