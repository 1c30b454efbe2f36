"""Worlds, profiles and clock, in memory."""
