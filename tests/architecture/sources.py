"""The project's own files, and their Python read as syntax trees."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.require import require

ROOT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies, its lines, and its syntax tree."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """Yield every function and method, the nested ones too."""
        yield from (node for node in ast.walk(self.tree) if isinstance(node, Function))


@functools.cache
def project_files() -> tuple[str, ...]:
    """Return what is tracked or would be, by path below the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    require(listed.returncode == 0, "a git checkout")
    paths = {path for path in listed.stdout.split("\0") if path}
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


@functools.cache
def python_sources(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below the folders."""
    return tuple(
        read(path) for path in project_files() if path.endswith(".py") and path.partition("/")[0] in folders
    )


def read(path: str) -> Source:
    """Return the file at a path below the root."""
    return parsed(path, (ROOT / path).read_text(encoding="utf-8"))


def parsed(path: str, text: str) -> Source:
    """Return a source made from its text."""
    return Source(path, tuple(text.splitlines()), ast.parse(text))
