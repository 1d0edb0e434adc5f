"""A real Unleash with a PostgreSQL of its own, for the tests of flags."""
