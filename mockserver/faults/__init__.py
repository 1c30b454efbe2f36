"""Planned failures: rules and their two spellings."""
