"""What every test may use: the plugins of the project, and pytest's own test bench."""

pytest_plugins = ["pytester", "tests.plugins.features", "tests.plugins.documents"]
