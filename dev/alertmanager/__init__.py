"""The Alertmanager that the benches stand beside, built from the Go module that pins it."""
