"""kubectl as a child process: what it prints, and what it says meanwhile.

A login may ask something on standard error, and the API server warns there: both are passed on at once. From
the first line of an error on, it is held back: whoever asked knows whether that is one.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from threading import Thread
from typing import Self

from watchbill.cli.plugin.failure import ExitCode, Failed

ERROR = re.compile(
    r"Error from server|Error in configuration|Unable to connect|The \w+ |[Ee]rror:|[EIW]\d{4} "
)
"""How kubectl begins to say what failed; its log lines, such as `E1124 ...`, belong to it."""


class Child:
    """One run of kubectl, ended when its block is left; raises Failed where there is no kubectl.

    A mute one passes nothing on: all that it says is held back.
    """

    def __init__(self, command: Sequence[str], stdin: str | None = None, mute: bool = False) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command, stdin=None if stdin is None else pipe, stdout=pipe, stderr=pipe, text=True
            )
        except OSError as error:
            text = f"kubectl cannot be run: {error.strerror}; install it on your PATH"
            raise Failed(text, ExitCode.UNREACHABLE) from error
        self._held: list[str] = []
        self._mute = mute
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        if self._process.stdin is not None:
            self._write(stdin or "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def lines(self) -> Iterator[str]:
        """What it prints, line by line."""
        assert self._process.stdout is not None
        return iter(self._process.stdout.readline, "")

    def ended(self) -> tuple[int, str]:
        """Its exit code, and the error that it told."""
        code = self._process.wait()
        self._listener.join()
        return code, "".join(self._held)

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as stdin:
                stdin.write(text)
        except BrokenPipeError:
            # It ended before it read: its exit code and its words tell why.
            pass

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if self._mute or self._held or ERROR.match(line):
                self._held.append(line)
            else:
                print(line, end="", file=sys.stderr, flush=True)
