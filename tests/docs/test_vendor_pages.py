"""Each vendor has a page: what to click there, what to apply, what comes of it, and what may fail."""

import re
from pathlib import Path

import pytest
import yaml

from dev.layout import REPOSITORY
from watchbill.api.connection import VENDOR_FIELDS, VENDORS, ConnectionSpec
from watchbill.providers.registry import PROVIDERS
from watchbill.shell.send import DEADLINE

SENDERS = [name for name, provider in PROVIDERS.items() if provider.real]
FOREIGN_YAML = re.compile(r"^ *```yml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SCOPE = re.compile(r"`([a-z]+:[a-z]+)`")


def page_of(vendor: str) -> Path:
    return REPOSITORY / f"docs/howto/{vendor.lower()}.md"


def text_of(vendor: str) -> str:
    return page_of(vendor).read_text(encoding="utf-8")


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_has_a_page_of_four_parts_that_the_contents_name(vendor: str):
    parts = re.findall(r"^## (\d\. What \w+)", text_of(vendor), re.MULTILINE)
    assert [part.split(". What ")[1] for part in parts][1:] in (
        ["to", "arrives", "happens"],
        ["to", "is", "happens"],
    )
    assert [part[0] for part in parts] == ["1", "2", "3", "4"]
    contents = (REPOSITORY / "docs/README.md").read_text(encoding="utf-8")
    assert f"(howto/{page_of(vendor).name})" in contents


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_page_says_what_rights_the_vendor_must_grant(vendor: str):
    (first,) = re.findall(r"^## 1\. .*?(?=^## 2\.)", text_of(vendor), re.MULTILINE | re.DOTALL)
    assert "scope" in first


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_page_names_every_field_of_the_connection(vendor: str):
    model = ConnectionSpec.model_fields[VENDOR_FIELDS[vendor]].annotation
    settings = next(each for each in getattr(model, "__args__", ()) if hasattr(each, "model_fields"))
    fields = [field.alias for field in settings.model_fields.values()]
    assert [field for field in fields if f"`{field}`" not in text_of(vendor)] == []


@pytest.mark.parametrize("vendor", SENDERS)
def test_the_page_says_how_long_a_send_may_take_and_how_fast_they_go(vendor: str):
    text, rate = in_one_line(text_of(vendor)), PROVIDERS[vendor].rate
    assert f"has {DEADLINE:g} s in all" in text
    assert re.search(rf"sends at most {rate.burst} \w+ at once, then {rate.per_second:g} a second", text)


def test_the_manifest_of_the_slack_app_asks_for_the_scopes_that_the_page_explains():
    (manifest,) = FOREIGN_YAML.findall(text_of("slack"))
    asked = yaml.safe_load(manifest)["oauth_config"]["scopes"]["bot"]
    rows = [line for line in text_of("slack").splitlines() if line.startswith("| `")]
    assert sorted(asked) == sorted(scope for row in rows for scope in SCOPE.findall(row.split("|")[1]))
