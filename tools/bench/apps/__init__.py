"""The applications that are measured beside the mock."""
