"""Decides: pure functions from an observation and a moment to a decision.

Two rules: nothing here does I/O or reads a clock, and nothing here raises for what happens in the world.
"""
