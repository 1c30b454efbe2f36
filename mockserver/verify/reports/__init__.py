"""A run as terminal lines, text, JSON, JUnit and HTML."""
