"""What clients of flagd get from a file of flags, by the OpenFeature project's own evaluation core."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dev.contract.tools import Tools
from dev.errors import DevError

PROGRAM = Path(__file__).resolve().with_name("flagd.js")


class Evaluation(NamedTuple):
    """What one flag evaluates to."""

    value: Any
    """The variant's value; None where a client has to take the default in its own code."""
    variant: str | None
    reason: str
    """One of OpenFeature's reasons, such as STATIC, TARGETING_MATCH, DEFAULT, DISABLED and ERROR."""


def evaluated(
    tools: Tools, texts: Sequence[str], context: Mapping[str, Any], keys: Sequence[str]
) -> list[dict[str, Evaluation]]:
    """What each flag is in this context, by its key, while the file is each of the texts in turn.

    Raises DevError where the core does not take one. It knows flags by key alone: a list of them, which
    flagd's schema allows too, it does not take.
    """
    command = [str(tools.node), str(PROGRAM), str(tools.packages), json.dumps(context), *keys]
    answer = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise DevError(f"flagd does not take the file: {answer.stderr.strip()[:600]}")
    return [{key: Evaluation(**flag) for key, flag in told.items()} for told in json.loads(answer.stdout)]
