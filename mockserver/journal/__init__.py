"""What was asked and answered: log, redaction, queries and views."""
