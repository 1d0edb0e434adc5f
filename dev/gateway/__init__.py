"""The HTTPRoute of the Gateway API, as it is served in clusters, from the Go module that pins it."""
