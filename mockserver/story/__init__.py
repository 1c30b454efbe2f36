"""Why an answer is what it is, and how sure we are."""
