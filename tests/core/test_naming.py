"""The name of a channel: what a template makes of an incident, and what a template may not say."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support import builders
from watchbill.api.incident_class import ChannelTemplate
from watchbill.api.model import ObjectMeta
from watchbill.core.naming import (
    DEFAULT_TEMPLATE,
    FIELDS,
    NameFacts,
    channel_name,
    name_facts,
    with_suffix,
)
from watchbill.core.templates import FILTERS, TEMPLATE_LENGTH, template_problem

FACTS = NameFacts("checkout-down", "shop", "20260309", "SEV-1", "Checkout returns 500")
BY_DEFAULT = "inc-20260309-checkout-down"
NAME = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")
"""What a name is, as a whole; how long it may be is said beside it."""

MADE = {
    "the default": (DEFAULT_TEMPLATE, BY_DEFAULT),
    "text alone": ("war-room", "war-room"),
    "every field": (
        "{{incident.namespace}} {{ incident.name }} {{incident.createdDate}} {{incident.severity}} "
        "{{ incident.title }}",
        "shop-checkout-down-20260309-sev-1-checkout-returns-500",
    ),
    "white space inside of the braces": ("{{- incident.name -}} -x", "checkout-down-x"),
    "a comment": ("a{# nobody reads this #}b", "ab"),
    "lower, upper and trim": ("{{ incident.title | lower | trim | upper }}", "checkout-returns-500"),
    "trim with the characters to take off": ("x{{ incident.severity | trim('S1') }}x", "xev-x"),
    "truncate, between words": ("{{ incident.title | truncate(17) }}", "checkout-returns"),
    "truncate, within the first word": ("{{ incident.title | truncate(5) }}", "check"),
    "default, where there is a value": ("{{ incident.name | default('none', true) }}", "checkout-down"),
    "a name that is too long": ("{{ incident.name }}-" * 9, "-".join(["checkout-down"] * 5) + "-checkout-d"),
    "a name that would end in a dash": ("a" * 79 + "-b", "a" * 79),
    "no letter at all": ("-- {{ incident.title | trim('Checkout rns50') }} __", BY_DEFAULT),
    "nothing": ("", BY_DEFAULT),
    "no template": ("{{ incident.name", BY_DEFAULT),
    "an unknown field": ("x-{{ incident.nmae }}", BY_DEFAULT),
}


@pytest.mark.parametrize(("template", "name"), MADE.values(), ids=MADE)
def test_a_template_makes_a_name(template: str, name: str):
    assert channel_name(template, FACTS) == name


TITLES = {
    "an accent": ("Été à Malmö", "ete-a-malmo"),
    "a letter with a long form": ("Straße ﬁve", "strasse-five"),
    "letters of full width": ("\uff23\uff28\uff25\uff23\uff2b\u3000\uff4f\uff55\uff54", "check-out"),
    "signs between words": ("50% -- of: all (carts) \N{EM DASH} down!", "50-of-all-carts-down"),
    "an underline": ("_cart_total_", "cart_total"),
    "line breaks and control characters": ("a\r\nb\x00c\u202ed", "a-b-c-d"),
    "a template in the title": ("{{ incident.name }}", "incident-name"),
    "another alphabet": ("\u6545\u969c", BY_DEFAULT),
}


@pytest.mark.parametrize(("title", "name"), TITLES.values(), ids=TITLES)
def test_a_title_becomes_letters_that_every_chat_takes(title: str, name: str):
    assert channel_name("{{ incident.title }}", replace(FACTS, title=title)) == name


def test_an_empty_value_can_be_replaced():
    without = replace(FACTS, namespace="")
    assert channel_name("{{ incident.namespace | default('all', true) }}", without) == "all"


def test_a_vendor_that_takes_less_gets_less():
    assert channel_name(DEFAULT_TEMPLATE, FACTS, limit=13) == "inc-20260309"
    assert channel_name("{{ incident.title", replace(FACTS, name="n" * 253), limit=50) == (
        "inc-20260309-" + "n" * 37
    )


@pytest.mark.parametrize(
    ("name", "limit", "expected"),
    [
        pytest.param("inc-x", 80, "inc-x-6a1f", id="a short one"),
        pytest.param("a" * 80, 80, "a" * 75 + "-6a1f", id="one of 80 characters"),
        pytest.param("a" * 74 + "-b", 80, "a" * 74 + "-6a1f", id="one that is cut at a dash"),
        pytest.param("a" * 50, 50, "a" * 45 + "-6a1f", id="one for a vendor that takes 50"),
    ],
)
def test_a_name_that_is_taken_gets_the_beginning_of_the_uid(name: str, limit: int, expected: str):
    assert with_suffix(name, "6a1f09d2-4c1b-4f5e-9d58-8e6b4a1c0f3e", limit) == expected


ONLY = "must be text and `{{ incident.FIELD }}` alone, with filters after a `|` where wanted"
KNOWN = (
    "is not known; known are incident.createdDate, incident.name, incident.namespace, incident.severity, "
    "incident.title"
)
REFUSED = {
    "braces that are not closed": (
        "x {{ incident.name",
        "is no template: unexpected end of template, expected 'end of print statement'",
    ),
    "a tag that jinja2 has not": ("{% exec %}", "is no template: Encountered unknown tag 'exec'"),
    "an empty pair of braces": (
        "{{ }}",
        "is no template: Expected an expression, got 'end of print statement'",
    ),
    "an unknown field": ("{{ incident.foo }}", f"`incident.foo` {KNOWN}"),
    "an unknown field with a default": ("{{ incident.foo | default('x') }}", f"`incident.foo` {KNOWN}"),
    "a field of the model, not of the template": (
        "{{ incident.created_date }}",
        f"`incident.created_date` {KNOWN}",
    ),
    "an attribute of Python": ("{{ incident.__class__ }}", f"`incident.__class__` {KNOWN}"),
    "an unknown variable": ("{{ name }}", f"`name` {KNOWN}"),
    "the incident itself": ("{{ incident }}", ONLY),
    "an unknown filter": (
        "{{ incident.name | replace('a', 'b') }}",
        "the filter `replace` is not allowed; allowed are default, lower, trim, truncate, upper",
    ),
    "an unknown filter before a known one": (
        "{{ incident.name | attr('x') | lower }}",
        "the filter `attr` is not allowed; allowed are default, lower, trim, truncate, upper",
    ),
    "the second thing that is wrong": ("{{ incident.name }}{{ x }}", f"`x` {KNOWN}"),
    "a filter with too much": ("{{ incident.name | lower('x') }}", "the filter `lower` takes nothing"),
    "truncate without a length": (
        "{{ incident.name | truncate }}",
        "the filter `truncate` takes one whole number, of characters",
    ),
    "truncate to nothing": (
        "{{ incident.name | truncate(0) }}",
        "the filter `truncate` takes one whole number, of characters",
    ),
    "truncate to true": (
        "{{ incident.name | truncate(true) }}",
        "the filter `truncate` takes one whole number, of characters",
    ),
    "a named argument": (
        "{{ incident.name | truncate(length=5) }}",
        "the filter `truncate` takes one whole number, of characters",
    ),
    "an argument that is a field": (
        "{{ incident.name | default(incident.title) }}",
        "the filter `default` takes a text in quotes, and `true` to replace an empty one too",
    ),
    "arguments out of a list": (
        "{{ incident.name | trim(*incident) }}",
        "the filter `trim` takes a text in quotes, or nothing",
    ),
    "an item": ("{{ incident['name'] }}", ONLY),
    "a field of a field": ("{{ incident.name.upper }}", ONLY),
    "a call": ("{{ incident.name.upper() }}", ONLY),
    "a function": ("{{ range(9) }}", ONLY),
    "a way to Python's own": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", ONLY),
    "a constant": ("{{ 'inc' }}", ONLY),
    "arithmetic that would never end": ("{{ 9**9**9**9 }}", ONLY),
    "a text that would fill the memory": ("{{ incident.name * 999999999 }}", ONLY),
    "two texts in one": ("{{ incident.name ~ incident.title }}", ONLY),
    "a choice": ("{{ incident.name if incident.title else 'x' }}", ONLY),
    "a comparison": ("{{ incident.name == 'x' }}", ONLY),
    "a test": ("{{ incident.name is string }}", ONLY),
    "a list": ("{{ [incident.name] }}", ONLY),
    "an if": ("{% if incident.name %}x{% endif %}", ONLY),
    "a loop": ("{% for x in incident.name %}x{% endfor %}", ONLY),
    "a variable": ("{% set x = 1 %}", ONLY),
    "a block of a filter": ("{% filter upper %}x{% endfilter %}", ONLY),
    "another template": ("{% include 'x' %}", ONLY),
    "a macro": ("{% macro x() %}{% endmacro %}", ONLY),
    "brackets deeper than Python goes": ("{{" + "(" * 120 + "1" + ")" * 120 + "}}", ONLY),
    "a template that is too long": ("x" * 257, "is longer than 256 characters"),
}


@pytest.mark.parametrize(("template", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_template_that_is_no_good_is_told_in_a_sentence_and_gives_way(template: str, problem: str):
    assert template_problem(template) == problem
    assert channel_name(template, FACTS) == BY_DEFAULT


FRAGMENTS = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{{-",
            "-}}",
            "|",
            "(",
            ")",
            "[",
            "]",
            "'",
            '"',
            ".",
            ",",
            "-",
            " ",
        ),
        *(
            "incident",
            *(f"{{{{ incident.{field} }}}}" for field in FIELDS),
            *(f".{field}" for field in FIELDS),
        ),
        *(
            *FILTERS,
            "truncate(9)",
            "default('x', true)",
            "trim('-')",
            "for x in",
            "if",
            "raw",
            "endraw",
            "9**9",
        ),
        *("\\N{", "\\x", "\x00", "\n", "\u00e9", "\ufdfa", "1_000", "1e99", "not ", "~"),
    ]
)
TEMPLATES = st.lists(FRAGMENTS | st.text(max_size=4), max_size=40).map("".join).map(lambda text: text[:256])
FIELDS_TAKEN = st.sampled_from(
    [f"{{{{incident.{field}{end}}}}}" for field in FIELDS for end in ("", "|upper")]
)
GOOD = st.lists(FIELDS_TAKEN | st.text("aZ-_ \u6545", max_size=3), max_size=9).map("".join)
TITLES_OF_ANY_KIND = st.text(min_size=1, max_size=200)
# A name is made while others wait to be paged. On a busy machine the slowest takes a tenth of this.
SOON = settings(
    derandomize=True, database=None, max_examples=200, deadline=timedelta(seconds=2), print_blob=False
)


@SOON
@given(TEMPLATES | GOOD | st.text(max_size=256), TITLES_OF_ANY_KIND, st.integers(6, 80))
def test_whatever_a_template_and_a_title_say_there_is_a_name_soon(template: str, title: str, limit: int):
    facts = replace(FACTS, name="n" * 253, title=title)
    name = channel_name(template, facts, limit)
    suffixed = with_suffix(name, "6a1f09d2-4c1b-4f5e-9d58-8e6b4a1c0f3e", limit)
    for each in (name, suffixed):
        assert NAME.fullmatch(each), each
        assert len(each) <= limit


@SOON
@given(GOOD.filter(lambda text: len(text) <= TEMPLATE_LENGTH))
def test_what_is_made_of_text_and_fields_alone_is_good(template: str):
    assert template_problem(template) is None


@SOON
@given(st.sampled_from(["\ufdfa", "\u0390", "\ufb03", "\U0001f6a8", "\u0345"]))
def test_the_longest_name_of_the_longest_texts_is_there_soon(letter: str):
    # 18 letters come of one of these, and three of another.
    most = "{{incident.title|upper}}" * 10
    assert NAME.fullmatch(channel_name(most, replace(FACTS, title=letter * 200)))


def test_the_bound_of_a_template_is_that_of_the_schema():
    reference = {"name": "slack", "namespace": "shop"}
    longest = {"connectionRef": reference, "nameTemplate": "x" * TEMPLATE_LENGTH}
    assert len(ChannelTemplate.model_validate(longest).name_template) == TEMPLATE_LENGTH
    with pytest.raises(ValidationError):
        ChannelTemplate.model_validate(longest | {"nameTemplate": "x" * (TEMPLATE_LENGTH + 1)})


def test_the_schema_tells_every_field_and_every_filter():
    told = ChannelTemplate.model_fields["name_template"].description or ""
    assert [word for word in (*FIELDS, *FILTERS) if word not in told] == []


def test_the_facts_are_those_of_the_incident():
    seen = builders.incident("SEV-2", title="Down")
    metadata = seen.metadata
    assert name_facts(seen) == NameFacts(metadata.name, metadata.namespace or "", "20260309", "SEV-2", "Down")


@pytest.mark.parametrize(
    ("created", "day"),
    [
        ("2026-03-09T23:59:59Z", "20260309"),
        ("2026-03-10T01:59:59+02:00", "20260309"),
        ("2026-03-09T22:00:00-05:00", "20260310"),
    ],
)
def test_the_day_is_that_of_utc(created: str, day: str):
    metadata = ObjectMeta.model_validate({"name": "x", "creationTimestamp": created})
    seen = builders.incident().model_copy(update={"metadata": metadata})
    assert name_facts(seen).created_date == day


def test_an_incident_without_a_time_has_a_name_all_the_same():
    seen = builders.incident().model_copy(update={"metadata": ObjectMeta(name="checkout-down")})
    assert channel_name(DEFAULT_TEMPLATE, name_facts(seen)) == "inc-checkout-down"
