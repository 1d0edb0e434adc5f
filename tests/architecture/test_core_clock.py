"""The core cannot read a clock, draw lots or wait: ruff refuses what an import rule cannot see."""

import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT

MESSAGE = "The core takes `now` as an argument."
BANNED = [
    "from datetime import UTC, datetime\n\nMOMENT = datetime.now(UTC)",
    "import datetime\n\nMOMENT = datetime.datetime.now(datetime.UTC)",
    "import datetime as dt\n\nMOMENT = dt.datetime.utcnow()",
    "from datetime import datetime\n\nMOMENT = datetime.today()",
    "from datetime import date\n\nMOMENT = date.today()",
    "import time\n\nMOMENT = time.monotonic()",
    "from time import time\n\nMOMENT = time()",
    "import random\n\nLOT = random.random()",
    "from uuid import uuid4\n\nLOT = uuid4()",
    "import uuid\n\nLOT = uuid.uuid1()",
    "import asyncio\n\nGATE = asyncio.Event()",
]


def complaints(code: str, path: str) -> str:
    """Return what ruff says about code that lay at the path."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", path, "-"],
        input=f'"""A snippet."""\n\n{code}\n',
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("code", BANNED)
def test_the_core_is_refused_a_clock(code: str):
    said = complaints(code, "operator/watchbill/core/snippet.py")
    assert "TID251" in said
    assert MESSAGE in said


def test_the_core_keeps_the_rules_of_the_root():
    assert "F401" in complaints("import json", "operator/watchbill/core/snippet.py")


def test_the_core_may_reckon_with_times_that_it_is_given():
    code = "from datetime import timedelta\n\nPAUSE = timedelta(seconds=1)"
    assert "All checks passed" in complaints(code, "operator/watchbill/core/snippet.py")


def test_the_shell_may_read_the_clock():
    code = BANNED[0]
    assert "All checks passed" in complaints(code, "operator/watchbill/shell/snippet.py")
