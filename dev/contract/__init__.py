"""What holds our requests, and our fakes, against the vendors' documents: Prism, and a proxy that fails."""
