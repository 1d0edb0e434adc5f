"""What steps of a runbook do, one module a kind: from a step to requests, and from answers to a result.

They build requests and read answers; they never send, and know no clock.
"""
