"""Performs runs of runbooks: the core decides, and the outside is asked as the runbook's own account."""
