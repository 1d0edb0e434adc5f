"""Becomes the command that it is given, after it arranged how the process ends.

Run as a file, `launch.py PARENT COMMAND...`; the command takes over the same process. With a PARENT
other than 0 the kernel kills it when that parent ends. This is not done between fork and exec,
because a parent that has threads must not run Python there.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
HELD_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def main(parent: int, command: list[str]) -> None:
    """Does not return: the process is the command from here on."""
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
