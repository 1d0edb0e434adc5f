"""What a person reads while the demo runs: what is done, what arrived on the wire, and what was checked."""

import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import TextIO

from dev.receiver import PAGERDUTY_PATH, Received


@dataclass(frozen=True)
class Notice:
    """One request that reached a vendor."""

    method: str
    path: str
    action: str
    """trigger, acknowledge or resolve."""
    key: str
    title: str
    """What the person who is paged reads first; empty where nobody is paged by it."""
    arrived: float
    """Monotonic seconds."""
    refused: bool
    """The vendor answered 503."""

    @property
    def by_pagerduty(self) -> bool:
        """Whether it reached PagerDuty; else it reached a webhook."""
        return self.path == PAGERDUTY_PATH


def notice_of(request: Received, refused: bool = False) -> Notice:
    """What the request says, in PagerDuty's words or in those of a CloudEvent."""
    body = request.json
    if request.path == PAGERDUTY_PATH:
        action, key = body["event_action"], body["dedup_key"]
        title = body.get("payload", {}).get("summary", "")
    else:
        action, key = body["data"]["action"], body["data"]["key"]
        title = body["data"]["text"].partition("\n")[0] if action == "trigger" else ""
    return Notice(request.method, request.path, action, key, title, request.arrived, refused)


class Story:
    """Tells the demo step by step; the clock starts when the incident is declared."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = 0.0
        self._steps = 0
        self._told = 0
        self.checks = 0
        """How many checks have passed."""

    def start_clock(self) -> None:
        """Count milliseconds from now on."""
        self._began = time.monotonic()

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.say(f"\n{self._steps}. {title}")

    def say(self, text: str) -> None:
        """Print lines as they are, at once."""
        print(text, file=self._stream, flush=True)

    def typed(self, person: str, arguments: Sequence[str]) -> None:
        """Tell which kubectl command a person types."""
        self.say(f"   {person}$ kubectl {shlex.join(arguments)}")

    def answered(self, answer: CompletedProcess[str]) -> None:
        """Tell all that a command printed."""
        for line in (answer.stdout + answer.stderr).splitlines():
            self.say(f"      {line}")

    def arrived(self, notices: Sequence[Notice]) -> None:
        """Tell what has arrived since the last time; `notices` is all of it."""
        for notice in notices[self._told :]:
            after = (notice.arrived - self._began) * 1000
            answer = "   answered 503" if notice.refused else ""
            self.say(f"   +{after:6.0f} ms  {notice.method} {notice.path}  {notice.action}{answer}")
            self.say(f"              key {notice.key}")
            if notice.title:
                self.say(f"              {notice.title}")
        self._told = len(notices)

    def check(self, sentence: str) -> None:
        """Tell that something was seen to be true, on the wire and at the API server."""
        self.checks += 1
        self.say(f"   ok  {sentence}")

    def table(self, rows: Iterable[str]) -> None:
        """Print rows of words between tabs in columns; the last column may be of any length."""
        cells = [row.split("\t") for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
        for *words, last in cells:
            start = "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True))
            self.say(f"      {start}  {last}")

    def end(self) -> None:
        """Say the last line."""
        self.say(f"\ndemo: {self.checks} checks passed")
