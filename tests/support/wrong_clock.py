"""The operator on a machine whose wall clock is wrong, by as many seconds as a file says at each moment."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dev.operator_process import OperatorProcess


class WrongClock(OperatorProcess):
    """An operator whose wall clock a test sets; the monotonic one runs on, as a machine's does."""

    def __init__(self, kubeconfig: Path, folder: Path, identity: str, ahead: float = 0) -> None:
        """An operator that is not started yet, with its log in the folder."""
        folder.mkdir()
        super().__init__(kubeconfig, folder / "operator.log", identity=identity)
        self._shift = folder / "ahead"
        self.set(ahead)

    def set(self, ahead: float) -> None:
        """Set the wall clock so many seconds ahead of the true time, at once."""
        new = self._shift.with_suffix(".new")
        new.write_text(str(ahead))
        new.replace(self._shift)

    def metric(self, name: str) -> float:
        """The sum of a metric's values; 0 where it has none yet."""
        lines = self.http("/metrics").splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def _command(self) -> Sequence[str]:
        python, _, _, *rest = super()._command()
        return (python, "-m", "tests.support.wrong_clock", str(self._shift), *rest)


def main(shift: Path, arguments: list[str]) -> None:
    """Run watchbill with these arguments, by a clock that is as wrong as the file says."""
    right = time.time
    time.time = lambda: right() + float(shift.read_text())
    # What it imports takes the clock as it finds it.
    from watchbill.cli.main import app  # noqa: PLC0415 and so it must come last

    app(arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
