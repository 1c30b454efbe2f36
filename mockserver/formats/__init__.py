"""Bytes to operations, profiles and errors to bytes: JSON and XML."""
