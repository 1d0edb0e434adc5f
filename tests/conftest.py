"""What every test may use: the plugins of the project, and pytest's own test bench."""

collect_ignore = ["e2e"]
"""What needs a whole cluster of its own runs when it is asked for by name: `make e2e`."""

pytest_plugins = ["pytester", "tests.plugins.features", "tests.plugins.documents"]
