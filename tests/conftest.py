"""What every test may use: the plugin that keeps results, and pytest's own test bench."""

pytest_plugins = ["pytester", "tests.plugins.features"]
