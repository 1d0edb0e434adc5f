"""What becomes of a command that must clean up when somebody ends it."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Has a signal that would end the process raise KeyboardInterrupt; one that is ignored stays so."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    asked_for = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    with _handled(asked_for, interrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Has signals wait in vain: what was begun is ended first. kubectl inherits this."""
    with _handled(SIGNALS, signal.SIG_IGN):
        yield


@contextmanager
def _handled(numbers: Iterable[signal.Signals], handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
