"""What a template of a name may say, and what it makes of an incident.

A template is text with `{{ incident.FIELD }}`, and filters with constant arguments. jinja2 reads it, and
whatever else it reads is refused before anything is rendered. So the size and the time are bounded: without
loop, arithmetic or call, the 256 characters that the schema allows a template hold at most 15 fields of at
most 253 characters each, and of the filters only `upper` makes a text longer, threefold for a few letters.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.filters import do_truncate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watchbill.core.naming import FIELDS

TEMPLATE_LENGTH = 256
"""The longest template that the schema allows, in characters."""

KNOWN_TEMPLATES = 256
"""How many templates are kept as they were read: a class has one for each severity."""

FILTERS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "default": ((str, bool), "takes a text in quotes, and `true` to replace an empty one too"),
    "lower": ((), "takes nothing"),
    "trim": ((str,), "takes a text in quotes, or nothing"),
    "truncate": ((int,), "takes one whole number, of characters"),
    "upper": ((), "takes nothing"),
}
"""The filters that a template may use, the types of their arguments in order, and that in words."""


@lru_cache(maxsize=KNOWN_TEMPLATES)
def template_problem(template: str) -> str | None:
    """What is wrong with a template, in one sentence without a full stop; None where nothing is."""
    if len(template) > TEMPLATE_LENGTH:
        return f"is longer than {TEMPLATE_LENGTH} characters"
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        return f"is no template: {(error.message or 'it cannot be read').rstrip('.')}"
    except RecursionError:
        # A hundred brackets in one another are well-formed, and deeper than jinja2 reads.
        return _ONLY
    parts = (part for node in tree.body for part in _parts(node))
    return next((problem for part in parts if (problem := _part_problem(part))), None)


def _truncate(text: str, length: int) -> str:
    """At most `length` characters, cut between words where there are any; the name has no use for `...`."""
    return do_truncate(_ENVIRONMENT, text, length, end="", leeway=0)


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.tests.clear()
_ENVIRONMENT.filters = {name: DEFAULT_FILTERS[name] for name in FILTERS} | {"truncate": _truncate}

_ONLY = "must be text and `{{ incident.FIELD }}` alone, with filters after a `|` where wanted"
_KNOWN = f"known are {', '.join(f'incident.{field}' for field in FIELDS)}"


def _parts(node: nodes.Node) -> Iterable[nodes.Node]:
    """What a piece of a template prints, or the piece itself where it does something else."""
    return node.nodes if isinstance(node, nodes.Output) else (node,)


def _part_problem(part: nodes.Node) -> str | None:
    """What is wrong with one thing that is printed: text, or a field with its filters."""
    match part:
        case nodes.TemplateData():
            return None
        case nodes.Filter(node=nodes.Node() as filtered):
            return _part_problem(filtered) or _filter_problem(part)
        case nodes.Getattr(node=nodes.Name(name="incident"), attr=field):
            return None if field in FIELDS else f"`incident.{field}` is not known; {_KNOWN}"
        case nodes.Name(name=name) if name != "incident":
            return f"`{name}` is not known; {_KNOWN}"
    return _ONLY


def _filter_problem(part: nodes.Filter) -> str | None:
    if part.name not in FILTERS:
        return f"the filter `{part.name}` is not allowed; allowed are {', '.join(FILTERS)}"
    types, said = FILTERS[part.name]
    values = [each.value if isinstance(each, nodes.Const) else None for each in part.args]
    named = part.kwargs or part.dyn_args or part.dyn_kwargs
    fits = len(values) <= len(types) and all(map(_fits, values, types))
    lacking = part.name == "truncate" and not values
    return None if fits and not named and not lacking else f"the filter `{part.name}` {said}"


def _fits(value: object, wanted: type) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, wanted)


def rendered(template: str, variables: Mapping[str, str]) -> str:
    """What a template that has no problem makes of these fields of `incident`."""
    return _compiled(template).render(incident=variables)


@lru_cache(maxsize=KNOWN_TEMPLATES)
def _compiled(template: str) -> Template:
    """The template ready to be rendered; to read one takes longer than to decide on an incident."""
    return _ENVIRONMENT.from_string(template)
