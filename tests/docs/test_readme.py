"""What the pages for people say is there: manifests that are valid, targets, files and commands."""

import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from dev.layout import REPOSITORY
from tests.architecture.sources import project_files
from tests.integration.test_demo import CHECKS
from tests.support.markdown import yaml_blocks
from watchbill.cli.lint import examine
from watchbill.cli.main import COMMANDS, app

README = REPOSITORY / "README.md"
PAGES = sorted(
    {
        *(REPOSITORY / name for name in project_files() if name.endswith(".md")),
        *(REPOSITORY / "docs").rglob("*.md"),
    }
)

CODE = re.compile(r"^ *```\w*\n.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"(?:^|[`;&(]) *make ([a-z][a-z0-9-]*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
TEST_FILE = re.compile(r"tests/[\w/]+\.py")


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.fixture(scope="module")
def targets() -> set[str]:
    """The targets that `make` lists."""
    said = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return {line.split()[1] for line in said.stdout.splitlines()}


@pytest.mark.parametrize("page", [page for page in PAGES if yaml_blocks(page)], ids=name_of)
def test_the_manifests_of_a_page_are_valid_together(page: Path, tmp_path: Path):
    files = [tmp_path / f"{number}.yaml" for number, _ in enumerate(yaml_blocks(page))]
    for file, text in zip(files, yaml_blocks(page), strict=True):
        file.write_text(text)
    found = examine(files, "default")
    assert [str(finding) for finding in found if finding.level == "error" or page == README] == []


def test_the_readme_shows_an_incident_of_five_lines():
    text = yaml_blocks(README)[0]
    assert "kind: Incident\n" in text
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_that_a_page_names_is_there(page: Path, targets: set[str]):
    code = "\n".join(CODE.findall(page.read_text(encoding="utf-8")))
    assert set(TARGET.findall(code)) <= targets


def test_the_readme_names_the_two_commands():
    code = "\n".join(CODE.findall(README.read_text(encoding="utf-8")))
    assert {"demo", "test", "up", "down"} <= set(TARGET.findall(code))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(page: Path):
    # A pattern within code may look like a link.
    links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_contents_name_every_page():
    contents = REPOSITORY / "docs/README.md"
    named = {
        (contents.parent / link).resolve() for link in LINK.findall(contents.read_text(encoding="utf-8"))
    }
    assert [name_of(page) for page in sorted({*contents.parent.rglob("*.md")} - named - {contents})] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_test_that_a_page_names_exists(page: Path):
    named = TEST_FILE.findall(page.read_text(encoding="utf-8"))
    assert [file for file in named if not (REPOSITORY / file).is_file()] == []


def test_the_guarantees_name_a_test_each():
    text = (REPOSITORY / "docs/explanation/guarantees.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert sections
    assert [section.splitlines()[0] for section in sections if not TEST_FILE.search(section)] == []


def test_the_readme_says_how_the_demo_ends():
    assert f"`demo: {CHECKS} checks passed`" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_documents_a_command_with_all_its_options(command: str):
    text = (REPOSITORY / "docs/reference/cli.md").read_text(encoding="utf-8")
    found = re.search(rf"^## watchbill {command}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/reference/cli.md has no section on `watchbill {command}`"
    group = typer.main.get_command(app)
    parameters = group.get_command(None, command).params  # type: ignore[attr-defined]  # typer has no type for it
    options = {option for each in parameters for option in each.opts if option.startswith("--")}
    assert {option for option in options - {"--help"} if f"`{option}" not in found[1]} == set()


def test_the_tutorial_shows_the_files_that_it_applies():
    shown = yaml_blocks(REPOSITORY / "docs/tutorial/README.md")
    files = (REPOSITORY / "examples/tutorial" / name for name in ("team.yaml", "incident.yaml"))
    assert shown == [file.read_text(encoding="utf-8") for file in files]
