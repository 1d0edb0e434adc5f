"""Says at the end of a run how much of each vendor's document was checked.

It stands in the reports of the tests, which reach the end of a run that is spread over workers too.
"""

import pytest

CHECKED = "checked of the document"
"""The property in which a test keeps what it says of its document."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests said of their documents, by name."""
    reports = [each for key in ("passed", "failed") for each in terminalreporter.stats.get(key, [])]
    said = {text for report in reports for name, text in report.user_properties if name == CHECKED}
    if said:
        terminalreporter.section("what Prism checks of the vendors' documents")
    for line in sorted(map(str, said)):
        terminalreporter.write_line(line)
