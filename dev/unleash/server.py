"""Unleash as a process, with a database that lives as long as it does."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from dev import processes
from dev.commands import last_line
from dev.errors import DevError
from dev.unleash.tools import Tools
from dev.waiting import wait_until

START_SECONDS = 60.0
STOP_SECONDS = 5.0
ADMIN_TOKEN, CLIENT_TOKEN = "*:*.for-the-administrator", "default:development.for-a-client"
"""Tokens that Unleash makes at its first start."""

DATABASE_USER = "postgres"
"""Who runs PostgreSQL where we are root, as whom it does not run."""


class Unleash:
    """The process and its database, which end with us. Their logs are in the directory."""

    def __init__(self, tools: Tools, directory: Path) -> None:
        self._tools = tools
        self._directory = directory
        self._end = ExitStack()
        self.url = ""
        """The origin, once it answers."""

    def __enter__(self) -> Self:
        try:
            sockets = self._start_database()
            self._start_unleash(sockets)
        except BaseException:
            self._end.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.close()

    def _start_database(self) -> Path:
        """Starts PostgreSQL on a socket alone, in a directory that its user can reach; returns that."""
        home = Path(tempfile.mkdtemp(prefix="watchbill-postgresql-"))
        self._end.callback(shutil.rmtree, home, ignore_errors=True)
        user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(home, DATABASE_USER, DATABASE_USER)
            user = [_program("setpriv"), f"--reuid={DATABASE_USER}", f"--regid={DATABASE_USER}"]
            # The kernel forgets who a process dies with when its user changes.
            user += ["--clear-groups", "--pdeathsig=KILL"]
        data = home / "data"
        initdb = [str(self._tools.postgresql / "initdb"), f"--pgdata={data}", "--auth=trust", "--no-sync"]
        made = subprocess.run(
            [*user, *initdb, "--username=unleash"], capture_output=True, text=True, check=False, cwd="/"
        )
        if made.returncode != 0:
            raise DevError(f"initdb made no database: {made.stderr.strip()[:300]}")
        options = {"listen_addresses": "", "unix_socket_directories": str(home), "fsync": "off"}
        settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        self._start(
            "postgresql", [*user, str(self._tools.postgresql / "postgres"), "-D", str(data), *settings]
        )
        wait_until(lambda: None if (home / ".s.PGSQL.5432").exists() else self._said("postgresql"), 30.0)
        return home

    def _start_unleash(self, sockets: Path) -> None:
        port = _free_port()
        program = self._tools.unleash / "node_modules" / "unleash-server" / "dist" / "server.js"
        settings = {
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port),
            "DATABASE_HOST": str(sockets),
            "DATABASE_USERNAME": "unleash",
            "DATABASE_PASSWORD": "",
            "DATABASE_NAME": "postgres",
            "DATABASE_SSL": "false",
            "INIT_ADMIN_API_TOKENS": ADMIN_TOKEN,
            "INIT_CLIENT_API_TOKENS": CLIENT_TOKEN,
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
        }
        assignments = [f"{name}={value}" for name, value in settings.items()]
        self._start("unleash", [_program("env"), *assignments, str(self._tools.node), str(program)])
        self.url = f"http://127.0.0.1:{port}"
        wait_until(self._does_not_answer, START_SECONDS, pause=0.2)

    def _start(self, name: str, command: list[str]) -> None:
        pid_file = self._directory / f"{name}.pid"
        child = processes.start(command, self._directory / f"{name}.log", pid_file, die_with_parent=True)
        self._end.callback(child.wait)
        self._end.callback(processes.stop, pid_file, STOP_SECONDS)

    def _does_not_answer(self) -> str | None:
        if processes.running_pid(self._directory / "unleash.pid") is None:
            raise DevError(f"Unleash has ended: {self._said('unleash')}")
        try:
            with urlopen(f"{self.url}/health", timeout=2.0):
                return None
        except OSError:
            return self._said("unleash")

    def _said(self, name: str) -> str:
        log = self._directory / f"{name}.log"
        return f"{name} does not answer ({log} ends with: {last_line(log)})."


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DevError(f"Unleash needs {name} (Debian: coreutils, util-linux).")
    return found


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
