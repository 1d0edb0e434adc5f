"""What users write and read: the models of every kind, their conditions, and the CRDs rendered from them.

Nothing here decides or acts; it depends on pydantic alone.
"""
