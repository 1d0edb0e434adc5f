"""Conditions that tenants write in CEL, judged over plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from watchbill.core.texts import cut

if TYPE_CHECKING:
    import celpy

LONGEST_PROBLEM = 256
KNOWN_CONDITIONS = 256
"""How many conditions are kept as they were read."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a condition holds; where it cannot be judged, it does not, and `problem` says why."""

    holds: bool
    problem: str = ""


@lru_cache(maxsize=KNOWN_CONDITIONS)
def condition_problem(condition: str) -> str | None:
    """What is wrong with a condition, in one sentence without a full stop; None where it can be read."""
    # Only who has runbooks needs CEL, which takes long to load.
    from celpy.celparser import CELParseError  # noqa: PLC0415 - as said

    try:
        _program(condition)
    except CELParseError as error:
        return f"is no CEL: it cannot be read from line {error.line}, column {error.column} on"
    except RecursionError:
        return "is nested too deeply"
    return None


def truth(condition: str, variables: Mapping[str, Any]) -> Truth:
    """Whether the condition holds of these variables, each plain JSON."""
    from celpy import celtypes  # noqa: PLC0415 - as above
    from celpy.adapter import json_to_cel  # noqa: PLC0415 - as above
    from celpy.evaluation import CELEvalError  # noqa: PLC0415 - as above

    if problem := condition_problem(condition):
        return Truth(False, problem)
    try:
        found = _program(condition).evaluate({name: json_to_cel(each) for name, each in variables.items()})
    except CELEvalError as error:
        # What follows would be everything that celpy knows.
        said = _without_values(str(error.args[0]).partition(" (in activation ")[0])
        return Truth(False, cut(f"cannot be judged: {said}", LONGEST_PROBLEM))
    except (RecursionError, TypeError, ValueError, KeyError, OverflowError) as error:
        return Truth(False, f"cannot be judged: {type(error).__name__}")
    if not isinstance(found, celtypes.BoolType | bool):
        return Truth(False, "must be true or false")
    return Truth(bool(found))


def _without_values(said: str) -> str:
    """What celpy says, but for the value that it quotes where that has no fields: it may be a Secret's."""
    return "a field is selected of what has none" if "field selection" in said else said


def _matches(text: str, pattern: str) -> "celpy.celtypes.BoolType":
    """Whether a part of the text matches; RE2 on its own would write a wrong pattern to standard error."""
    import re2  # type: ignore[import-untyped] # noqa: PLC0415 - as above
    from celpy import celtypes  # noqa: PLC0415 - as above
    from celpy.evaluation import CELEvalError  # noqa: PLC0415 - as above

    options = re2.Options()
    options.log_errors = False
    try:
        return celtypes.BoolType(re2.compile(str(pattern), options).search(str(text)) is not None)
    except re2.error:
        raise CELEvalError("the pattern cannot be read") from None


@lru_cache(maxsize=KNOWN_CONDITIONS)
def _program(condition: str) -> "celpy.Runner":
    import celpy  # noqa: PLC0415 - as above

    environment = celpy.Environment()
    return environment.program(environment.compile(condition), functions={"matches": _matches})
