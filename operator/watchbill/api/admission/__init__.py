"""What the API server itself refuses and fills in, also while the operator is down: one module a policy."""
