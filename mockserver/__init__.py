"""A mock and contract-testing server for the MyPreferences API of PossibleNOW."""

__version__ = "0.1.0"
