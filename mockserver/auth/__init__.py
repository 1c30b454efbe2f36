"""Signing, tokens, and why a header was refused."""
