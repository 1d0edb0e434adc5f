"""Remembers what was made of an object, for as long as it is the very same one."""

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

REMEMBERED = 256
"""How many objects are remembered; the one that was asked for longest ago gives way."""


class _Same(Generic[Given]):
    """Equal where it is the same object in memory, whatever that says of itself."""

    __slots__ = ("it",)

    def __init__(self, it: Given) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it


def once_for_each(make: Callable[[Given], Made]) -> Callable[[Given], Made]:
    """The function, which is called once for each object that it is given, and must depend on that alone.

    The object must not change, as a frozen model does not. It is kept in memory while it is remembered.
    """
    remembered = lru_cache(maxsize=REMEMBERED)(lambda same: make(same.it))
    return lambda given: remembered(_Same(given))
