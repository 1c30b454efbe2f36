"""Worlds, profiles and journal shared by several processes, in Redis."""
