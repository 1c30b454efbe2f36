"""What a test gets, by the pytest plugin or without: a world of its own on a mock server, and a client that signs."""

from __future__ import annotations

from mockserver.testing.client import Client
from mockserver.testing.entries import Change, Entry
from mockserver.testing.fault import Fault
from mockserver.testing.handle import MyPreferences
from mockserver.testing.response import Response
from mockserver.testing.server import MockServer
from mockserver.testing.unserved import UnservedRequests
from mockserver.testing.without_pytest import MockServerMixin, mock_server

__all__ = [
    "Change",
    "Client",
    "Entry",
    "Fault",
    "MockServer",
    "MockServerMixin",
    "MyPreferences",
    "Response",
    "UnservedRequests",
    "mock_server",
]
