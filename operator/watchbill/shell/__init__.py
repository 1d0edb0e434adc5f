"""Acts: the only place with await, a clock, kopf and HTTP clients."""
