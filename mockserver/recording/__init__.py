"""Fixtures from real profiles: pseudonyms, and the guard that no original passes."""
