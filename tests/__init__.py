"""Tests, in folders named as those of mockserver/ that they test."""
