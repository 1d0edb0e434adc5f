"""Budgets that keep the project small enough for one person to hold."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import Function, Source, parsed, python_sources

PRODUCT = python_sources("operator", "dev", "bench")
EVERYTHING = python_sources("operator", "dev", "bench", "tests")

MODULE_LINES = 300
CORE_FUNCTION_LINES = 40
FUNCTION_LINES = 60
PARAMETERS = 6
BROAD_EXCEPTS = 2
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
CATCH_ALL = {None, "Exception", "BaseException"}

_SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa|ruff:\s*noqa|mypy:)")
_SUPPRESSION_WITH_REASON = re.compile(
    r"#\s*(?:type:\s*ignore\[[a-z, -]+\]|noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)\W+\w+"
)


def long_modules(source: Source) -> Iterator[str]:
    if len(source.lines) > MODULE_LINES:
        yield f"{source.path}: {len(source.lines)} lines, at most {MODULE_LINES}"


def long_functions(source: Source) -> Iterator[str]:
    limit = CORE_FUNCTION_LINES if "/core/" in source.path else FUNCTION_LINES
    for function in source.functions():
        if (lines := body_lines(function)) > limit:
            yield f"{at(source, function)}: {function.name} has {lines} lines, at most {limit}"


def crowded_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        names = [argument.arg for argument in all_parameters(function)]
        if len([name for name in names if name not in {"self", "cls"}]) > PARAMETERS:
            yield f"{at(source, function)}: {function.name} takes {len(names)}: make a dataclass"


def unexplained_suppressions(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.lines, 1):
        if _SUPPRESSION.search(line) and not _SUPPRESSION_WITH_REASON.search(line):
            yield f"{source.path}:{number}: needs its code and a reason: {line.strip()}"


def vague_modules(source: Source) -> Iterator[str]:
    if words := VAGUE_NAMES.intersection(source.path.removesuffix(".py").split("/")):
        yield f"{source.path}: {words} says nothing about what belongs there"


def silent_definitions(source: Source) -> Iterator[str]:
    if not ast.get_docstring(source.tree):
        yield f"{source.path}: the module has no docstring"
    for node in public_definitions(source.tree):
        if not ast.get_docstring(node):
            yield f"{at(source, node)}: {node.name} has no docstring"


def public_definitions(node: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | Function]:
    for child in node.body:
        if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
            if not any(spelt(decorator) == "overload" for decorator in child.decorator_list):
                yield child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child)


def broad_excepts(source: Source) -> Iterator[tuple[str, str]]:
    """Yield where everything is caught, and the line that says so."""
    for node in ast.walk(source.tree):
        kinds: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            kinds = [*node.type.elts] if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and spelt(node.func) == "suppress":
            kinds = [*node.args]
        if isinstance(node, ast.ExceptHandler | ast.Call) and CATCH_ALL & set(map(spelt, kinds)):
            yield at(source, node), source.lines[node.lineno - 1]


def body_lines(function: Function) -> int:
    """Count a function's lines without its decorators and its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def all_parameters(function: Function) -> list[ast.arg]:
    """List a function's parameters; none for a command, whose parameters its user types."""
    if any(spelt(decorator) in {"command", "callback"} for decorator in function.decorator_list):
        return []
    arguments = function.args
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]


def spelt(node: ast.expr | None) -> str | None:
    """Return the last word of a dotted or called name."""
    match node:
        case ast.Call(func=called):
            return spelt(called)
        case ast.Attribute(attr=word) | ast.Name(id=word):
            return word
    return "?" if node else None


def at(source: Source, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
    return f"{source.path}:{node.lineno}"


RULES = [long_modules, long_functions, crowded_functions, unexplained_suppressions, vague_modules]


@pytest.mark.parametrize("rule", [*RULES, silent_definitions])
def test_the_product_keeps_its_shape(rule):
    sources = PRODUCT if rule is not silent_definitions else python_sources("operator")
    assert [fault for source in sources for fault in rule(source)] == []


@pytest.mark.parametrize("rule", [unexplained_suppressions, vague_modules])
def test_the_tests_keep_their_shape(rule):
    assert [fault for source in EVERYTHING for fault in rule(source)] == []


def test_everything_is_caught_in_two_guards_of_the_shell_at_most_and_each_says_why():
    found = [row for source in python_sources("operator") for row in broad_excepts(source)]
    places = [place for place, _ in found]
    assert len(found) <= BROAD_EXCEPTS, places
    assert [place for place in places if "/watchbill/shell/" not in place] == []
    assert [place for place, line in found if "#" not in line] == [], "say why on the line"


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
BAD = {
    "a long module": (long_modules, "operator/watchbill/a.py", "x = 1\n" * 301),
    "a long function": (long_functions, "operator/watchbill/a.py", LONG_FUNCTION),
    "a long function of the core": (
        long_functions,
        "operator/watchbill/core/a.py",
        "def f():\n" + "    x = 1\n" * 40,
    ),
    "seven parameters": (crowded_functions, "a.py", "def f(a, b, c, d, *e, f, **g): ..."),
    "no code": (unexplained_suppressions, "a.py", "x = 1  # type: " + "ignore"),
    "no reason": (unexplained_suppressions, "a.py", "x = 1  # type: " + "ignore[misc]"),
    "a bare noqa": (unexplained_suppressions, "a.py", "x = 1  # no" + "qa"),
    "noqa without reason": (unexplained_suppressions, "a.py", "x = 1  # no" + "qa: E501"),
    "a drawer": (vague_modules, "operator/watchbill/shell/utils.py", ""),
    "a silent module": (silent_definitions, "a.py", "x = 1"),
    "a silent method": (silent_definitions, "a.py", '"""A."""\nclass A:\n """A."""\n def f(): ...'),
    "a bare except": (broad_excepts, "a.py", "try: ...\nexcept: ..."),
    "one among others": (broad_excepts, "a.py", "try: ...\nexcept (OSError, Exception): ..."),
    "a broad suppress": (broad_excepts, "a.py", "with contextlib.suppress(Exception): ..."),
}


@pytest.mark.parametrize(("rule", "path", "text"), BAD.values(), ids=BAD)
def test_the_rule_bites(rule, path, text):
    assert len(list(rule(parsed(path, text)))) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_functions, "def f():\n    '''" + "\n" * 70 + "'''"),
        (crowded_functions, "class A:\n    def f(self, a, b, c, d, e, f): ..."),
        (crowded_functions, "@app.command()\ndef run(a, b, c, d, e, f, g): ..."),
        (unexplained_suppressions, "x = 1  # type: " + "ignore[misc]  # kopf has no types here"),
        (unexplained_suppressions, "x = 1  # no" + "qa: BLE001, E722 - the loop's guard"),
        (silent_definitions, '"""A."""\ndef _f(): ...'),
        (broad_excepts, "try: ...\nexcept OSError: ..."),
    ],
)
def test_the_rule_lets_pass(rule, text):
    assert list(rule(parsed("a.py", text))) == []
