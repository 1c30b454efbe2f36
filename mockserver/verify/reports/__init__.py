"""A run as terminal lines, text, JSON, JUnit, HTML and for GitHub Actions."""
