"""The folder `operator` is a source root with an unusual name, never a package."""

import operator
import subprocess
import sys
import sysconfig
from pathlib import Path

import watchbill
from tests.architecture.sources import ROOT

WHY = (
    "operator/__init__.py would shadow the standard library's `operator`: "
    "even `python -m pip` would die in the root of the repository."
)


def test_the_source_root_is_no_package():
    assert not (ROOT / "operator" / "__init__.py").exists(), WHY


def test_operator_is_the_standard_librarys():
    assert Path(operator.__file__).parent == Path(sysconfig.get_path("stdlib")), WHY


def test_a_python_started_in_the_root_finds_the_standard_librarys():
    done = subprocess.run([sys.executable, "-c", "import operator; operator.add"], cwd=ROOT, check=False)
    assert done.returncode == 0, WHY


def test_the_package_is_imported_from_the_source_root():
    assert Path(watchbill.__file__).is_relative_to(ROOT / "operator")
