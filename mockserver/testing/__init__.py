"""What the pytest plugin hands to a test: a world of its own on a mock server, and a client that signs."""

from __future__ import annotations

from mockserver.testing.client import Client
from mockserver.testing.entries import Change, Entry
from mockserver.testing.fault import Fault
from mockserver.testing.handle import MyPreferences
from mockserver.testing.response import Response
from mockserver.testing.server import MockServer
from mockserver.testing.unserved import UnservedRequests

__all__ = ["Change", "Client", "Entry", "Fault", "MockServer", "MyPreferences", "Response", "UnservedRequests"]
