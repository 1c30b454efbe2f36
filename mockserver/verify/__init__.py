"""The contract against a server: a run, its calls, checks and predictions."""
