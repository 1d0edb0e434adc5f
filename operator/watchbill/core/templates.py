"""What a template may say, and what it makes of what it names.

A template is text with fields such as `{{ incident.name }}`, and filters with constant arguments. jinja2
reads it, and whatever else it reads is refused before anything is rendered. So the size and the time are
bounded: without loop, arithmetic or call, the 256 characters that the schema allows a name hold at most 15
fields of at most 253 characters each, and of the filters only `upper` makes a text longer, threefold for a
few letters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace

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


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a template may name, and how long it may be."""

    fields: tuple[tuple[str, tuple[str, ...]], ...]
    """Each variable with its fields."""
    length: int = TEMPLATE_LENGTH

    @property
    def known(self) -> str:
        """Everything that there is to name."""
        return ", ".join(f"{name}.{field}" for name, fields in self.fields for field in fields)

    @property
    def rule(self) -> str:
        """What a template must be."""
        shown = " or ".join(f"`{{{{ {name}.FIELD }}}}`" for name, _ in self.fields)
        return f"must be text and {shown} alone, with filters after a `|` where wanted"


INCIDENT = Vocabulary((("incident", FIELDS),))
"""What the template of a channel's name may name."""


@lru_cache(maxsize=KNOWN_TEMPLATES)
def template_problem(template: str, vocabulary: Vocabulary = INCIDENT) -> str | None:
    """What is wrong with a template, in one sentence without a full stop; None where nothing is."""
    if len(template) > vocabulary.length:
        return f"is longer than {vocabulary.length} characters"
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        return f"is no template: {(error.message or 'it cannot be read').rstrip('.')}"
    except RecursionError:
        # A hundred brackets in one another are well-formed, and deeper than jinja2 reads.
        return vocabulary.rule
    parts = (part for node in tree.body for part in _parts(node))
    return next((problem for part in parts if (problem := _part_problem(part, vocabulary))), None)


def _truncate(text: str, length: int) -> str:
    """At most `length` characters, cut between words where there are any; the name has no use for `...`."""
    return do_truncate(_ENVIRONMENT, text, length, end="", leeway=0)


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.tests.clear()
_ENVIRONMENT.filters = {name: DEFAULT_FILTERS[name] for name in FILTERS} | {"truncate": _truncate}


def _parts(node: nodes.Node) -> Iterable[nodes.Node]:
    """What a piece of a template prints, or the piece itself where it does something else."""
    return node.nodes if isinstance(node, nodes.Output) else (node,)


def _part_problem(part: nodes.Node, vocabulary: Vocabulary) -> str | None:
    """What is wrong with one thing that is printed: text, or a field with its filters."""
    known = dict(vocabulary.fields)
    match part:
        case nodes.TemplateData():
            return None
        case nodes.Filter(node=nodes.Node() as filtered):
            return _part_problem(filtered, vocabulary) or _filter_problem(part)
        case nodes.Getattr(node=nodes.Name(name=name), attr=field) if name in known:
            said = f"`{name}.{field}` is not known; known are {vocabulary.known}"
            return None if field in known[name] else said
        case nodes.Name(name=name) if name not in known:
            return f"`{name}` is not known; known are {vocabulary.known}"
    return vocabulary.rule


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
    return filled(template, {"incident": variables})


def filled(template: str, variables: Mapping[str, Mapping[str, str]]) -> str:
    """What a template that has no problem makes of these variables with their fields."""
    # Of a mapping, jinja2 would take `items` for its method.
    return _compiled(template).render({name: SimpleNamespace(**each) for name, each in variables.items()})


def sole_field(template: str) -> tuple[str, str] | None:
    """The variable and its field where the template is that alone, without a filter; else None."""
    match _ENVIRONMENT.parse(template).body:
        case [nodes.Output(nodes=[nodes.Getattr(node=nodes.Name(name=name), attr=field)])]:
            return name, field
    return None


@lru_cache(maxsize=KNOWN_TEMPLATES)
def _compiled(template: str) -> Template:
    """The template ready to be rendered; to read one takes longer than to decide on an incident."""
    return _ENVIRONMENT.from_string(template)
