"""Prometheus' own tool, which says whether metrics, rules and queries are right."""

import os
import subprocess
from pathlib import Path

from dev.promtool.build import find_promtool
from tests.support.require import require


def promtool(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """What promtool says of this; the test is skipped loudly where it has not been built."""
    found = find_promtool(os.environ)
    require(found is not None, "promtool: `python -m dev promtool` builds it")
    assert found is not None
    return subprocess.run([found, *words], input=stdin, capture_output=True, check=False)
