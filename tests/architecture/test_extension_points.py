"""A new provider is complete, or a test says which step was forgotten."""

import re
from pathlib import Path

import pytest
import yaml

from watchbill.api.connection import VENDOR_FIELDS, VENDORS, Connection
from watchbill.api.group import API_VERSION
from watchbill.core.references import CHAT_VENDORS
from watchbill.providers.chats import CHATS
from watchbill.providers.contract import Provider
from watchbill.providers.registry import PROVIDERS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs/reference/providers.md"
GOLDEN = ROOT / "tests/providers/golden"
EXAMPLES = ROOT / "examples/providers"

RECIPE = "see CONTRIBUTING, Add a provider, step"
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    """The class and the capabilities that the documentation gives to each provider."""
    found = ROW.findall(DOCS.read_text(encoding="utf-8"))
    return {name: (kind.strip(), capabilities.strip()) for name, kind, capabilities in found}


def described(provider: Provider) -> tuple[str, str]:
    """What the documentation must say of a provider."""
    kind = "unkeyed" if provider.unkeyed else "keyed"
    return kind, ", ".join(sorted(provider.capabilities))


def folders(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir() if entry.is_dir() and any(entry.glob("*.json"))}


def test_every_vendor_of_the_union_is_a_provider_or_makes_channels_only():
    missing = set(VENDORS) - set(PROVIDERS) - set(CHATS)
    assert not missing, f"provider `{min(missing)}` is not in the registry; {RECIPE} 3"


def test_what_makes_channels_is_the_same_for_readiness_and_for_sending():
    assert set(CHATS) == CHAT_VENDORS


def test_every_provider_is_a_vendor_of_the_union():
    missing = set(PROVIDERS) - set(VENDORS)
    assert not missing, f"provider `{min(missing)}` has no field in ConnectionSpec; {RECIPE} 1"


def test_the_list_of_vendors_names_fields_of_the_spec():
    missing = set(VENDORS) - set(VENDOR_FIELDS)
    assert not missing, f"`{min(missing)}` of VENDORS is no field of ConnectionSpec; {RECIPE} 1"


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_has_golden_requests(name: str):
    assert name in folders(GOLDEN), f"provider `{name}` has no golden folder; {RECIPE} 4"


@pytest.mark.parametrize("name", [*PROVIDERS, *CHATS])
def test_every_provider_has_an_example(name: str):
    path = EXAMPLES / f"{name}.yaml"
    assert path.is_file(), f"provider `{name}` has no examples/providers/{name}.yaml; {RECIPE} 5"
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    manifest = next(document for document in documents if document["kind"] == "Connection")
    assert manifest["apiVersion"] == API_VERSION
    connection = Connection.model_validate({"metadata": manifest["metadata"], "spec": manifest["spec"]})
    assert connection.spec.vendor == name
    keys = {
        (document["metadata"]["name"], key)
        for document in documents
        if document["kind"] == "Secret"
        for key in document["stringData"]
    }
    assert {(ref.name, ref.key) for ref in connection.spec.secret_refs.values()} == keys


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_is_documented_as_it_is(name: str):
    assert name in rows(), f"provider `{name}` has no row in docs/reference/providers.md; {RECIPE} 6"
    assert rows()[name] == described(PROVIDERS[name]), f"the row of `{name}` is out of date; {RECIPE} 6"


@pytest.mark.parametrize("name", CHATS)
def test_a_vendor_of_channels_is_documented_as_no_provider(name: str):
    assert rows().get(name) == ("channel only", "")


def test_nothing_is_left_of_a_provider_that_is_gone():
    known = set(PROVIDERS)
    assert folders(GOLDEN) <= known
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} <= known | set(CHATS)
    assert set(rows()) <= known | set(CHATS)
