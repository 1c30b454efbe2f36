"""The named rules: read from files and played to a server."""
