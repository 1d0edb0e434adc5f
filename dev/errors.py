"""The one error that people see."""


class DevError(Exception):
    """One sentence for a person, which says what is wrong and what to do."""
