"""The promtool that metrics, alerts and the dashboard are checked with, from its own pinned Go module."""
