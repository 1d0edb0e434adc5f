"""The vendors of chat channels by name: the one list, as `registry.py` is for those that page."""

from collections.abc import Mapping
from types import MappingProxyType

from watchbill.providers.contract import ChatProvider
from watchbill.providers.slack import SlackProvider

CHATS: Mapping[str, ChatProvider] = MappingProxyType({"slack": SlackProvider()})
"""What makes channels, by the vendor's field in Connection.spec."""
