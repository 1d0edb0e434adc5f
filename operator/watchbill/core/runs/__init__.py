"""Decides on runs of runbooks: pinned, planned, approved, done a step at a time, verified, and taken back.

Pure, as all of the core: `decide_run` says what is next, and `record_run` folds in what came of it.
"""
