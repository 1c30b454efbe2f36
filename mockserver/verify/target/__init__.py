"""Runs on real systems: what may be sent, and how each profile is restored."""
