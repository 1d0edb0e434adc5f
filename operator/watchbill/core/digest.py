"""Digests of values, stable across processes and versions."""

import hashlib
import json
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """The first 16 hex digits of the SHA-256 of a value's canonical JSON."""
    return _hexadecimal(value)[:16]


def fingerprint(value: Any) -> str:
    """`sha256:` and 32 hex digits: long enough that nobody finds a second value with the same one."""
    return f"sha256:{_hexadecimal(value)[:32]}"


def _hexadecimal(value: Any) -> str:
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()
