"""One incident that says that nothing is wrong: declared, watched, and ended whatever happens.

Escalation must not go on meanwhile. Nothing that people can write holds it without withdrawing the pages that
are on their way, so the incident ends before the next level would open.
"""

import secrets
import time
from collections.abc import Callable

import typer

from watchbill.api.group import API_VERSION, TEST_PAGE_LABEL
from watchbill.cli.plugin import wishes
from watchbill.cli.plugin.acting import acted, line_of
from watchbill.cli.plugin.declare import POLL_SECONDS
from watchbill.cli.plugin.failure import ExitCode, Failed
from watchbill.cli.plugin.kubectl import Json, Kubectl
from watchbill.cli.plugin.proof import Proof

ENDINGS = 4
"""How often it is tried to end the incident where the API server does not answer."""

TITLE_LENGTH = 200
REASON = "a test page: nothing was wrong"

Say = Callable[[str], None]
"""Tells the person who waits one line."""


def incident(me: str, severity: str, class_: str | None) -> Json:
    """The incident that is declared; its name is new, so that it is known before it is there."""
    title = f"TEST: nothing is wrong, {me} tests whether pages get through"
    spec: Json = {
        "title": title[:TITLE_LENGTH],
        "summary": "Nothing is to be done. It ends by itself within a minute.",
        "severity": severity,
        "setBy": {"declaration": me},
    }
    spec |= {"classRef": {"name": class_}} if class_ else {}
    name = f"test-page-{secrets.token_hex(4)}"
    metadata = {"name": name, "labels": {TEST_PAGE_LABEL: "true"}}
    return {"apiVersion": API_VERSION, "kind": "Incident", "metadata": metadata, "spec": spec}


class Trial:
    """One incident that is declared, watched, and ended whatever happens."""

    def __init__(self, kubectl: Kubectl, content: Json, say: Say) -> None:
        self._kubectl = kubectl
        self._content = content
        self._name = str(content["metadata"]["name"])
        self._say = say
        self._is_declared = False
        self._opened: float | None = None

    def carried_out(self, wait: float, ring: float) -> Proof:
        """What became of the pages, seen once all are settled and have rung, or no more time is left."""
        began = time.monotonic()
        content = self._kubectl.created(self._content)
        self._is_declared = True
        spec = content["spec"]
        text = f"declared by {spec['setBy']['declaration']} as {spec['severity']}"
        self._say(line_of(content, text))
        proof = self._seen(lambda seen: seen.is_settled, wait)
        for line in proof.lines():
            self._say(line)
        if proof.problems():
            return proof
        self._say(f"it got through within {time.monotonic() - began:.1f} s of the declaration")
        if ring:
            self._say(f"it stays open for {ring:g} s at most, so that it rings")
        proof = self._seen(lambda seen: seen.acknowledged_by is not None, ring)
        if proof.acknowledged_by is not None:
            passed = time.monotonic() - began
            self._say(f"{proof.acknowledged_by} acknowledged {passed:.0f} s after the declaration")
        return proof

    def ended(self) -> tuple[Json, str] | None:
        """The incident after it was cancelled, and what was done; None where there is none. Raises Failed."""
        for left in reversed(range(ENDINGS if self._is_declared else 1)):
            try:
                return ended(self._kubectl, self._name)
            except Failed as error:
                is_lost = error.code is ExitCode.UNREACHABLE
                if error.code is ExitCode.NOT_FOUND or not (self._is_declared or is_lost):
                    return None
                if not (is_lost and left):
                    text = f"it may be open and page on: kubectl watchbill cancel {self._name}"
                    raise Failed(f"{error.message}\n{text}", error.code) from error
                typer.echo("the API server does not answer; ending it is tried again", err=True)
                time.sleep(1)
        return None

    def _seen(self, is_enough: Callable[[Proof], bool], seconds: float) -> Proof:
        """How it stands once that is enough, after so many seconds, or before another level would open."""
        end = time.monotonic() + seconds
        while True:
            proof = Proof(self._kubectl.incident(self._name).get("status") or {})
            now = time.monotonic()
            if proof.pages and self._opened is None:
                self._opened = now
            limit = end if self._opened is None else min(end, self._opened + proof.room)
            if is_enough(proof) or now >= limit:
                return proof
            time.sleep(min(POLL_SECONDS, limit - now))


def ended(kubectl: Kubectl, name: str) -> tuple[Json, str]:
    """The incident after it was cancelled, and what was done; raises Failed.

    Cancelled it is over at once: a resolved one stays until it can be reopened no more, or has a postmortem.
    """
    return acted(kubectl, name, wishes.said("Cancelled", REASON), "cancelled")
