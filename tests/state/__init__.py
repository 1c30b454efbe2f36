"""Tests of both stores: the same promises in memory and in Redis."""
