"""A real cluster of one node on this machine: its processes, the image it runs, and what they need."""
