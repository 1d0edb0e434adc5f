"""Translates: builds a vendor's request from an effect, and reads the vendor's answer. Never sends."""
