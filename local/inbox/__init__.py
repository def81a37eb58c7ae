"""The inbox: what people would have received, on one page."""

from local.inbox.emulator import Inbox

__all__ = ["Inbox"]
