"""A mock and contract-testing server for one operation of the MyPreferences API."""

__version__ = "0.1.0"
