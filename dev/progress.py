"""What people see while they wait: one line for each part, with the seconds that passed."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

QUIET_SECONDS = 15.0
"""How long a part stays silent at most where the output is not a terminal."""


class Part:
    """One part of the work, which says how long it has taken."""

    def __init__(self, label: str, stream: TextIO, clock: Callable[[], float]) -> None:
        """A part that starts now."""
        self._label = label
        self._stream = stream
        self._clock = clock
        self._started = self._spoke = clock()
        self._terminal = stream.isatty()
        self._write("…")

    def tick(self) -> None:
        """Says that the part goes on, when it is time to say so again."""
        now = self._clock()
        if now - self._spoke >= (1.0 if self._terminal else QUIET_SECONDS):
            self._spoke = now
            self._write(f"… {now - self._started:.0f} s")

    def done(self) -> None:
        """Says that the part is finished and how long it took."""
        self._write(f"… done in {self._clock() - self._started:.1f} s", last=True)

    def failed(self) -> None:
        """Ends the line of a part that did not finish."""
        self._write(f"… stopped after {self._clock() - self._started:.1f} s", last=True)

    def _write(self, text: str, last: bool = False) -> None:
        ending = "\n" if last or not self._terminal else ""
        beginning = "\r\x1b[K" if self._terminal else ""
        self._stream.write(f"{beginning}{self._label} {text}{ending}")
        self._stream.flush()


class Progress:
    """Tells people on a stream, terminal or not, what is under way."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Progress on this stream, by default on standard error."""
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock

    def say(self, sentence: str) -> None:
        """Prints one sentence."""
        print(sentence, file=self._stream, flush=True)

    @contextmanager
    def part(self, label: str) -> Iterator[Part]:
        """A part whose line ends with done, or with stopped where an error leaves the block."""
        part = Part(label, self._stream, self._clock)
        finished = False
        try:
            yield part
            finished = True
        finally:
            part.done() if finished else part.failed()
