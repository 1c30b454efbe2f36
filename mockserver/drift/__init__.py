"""Two servers against each other, and the contract against the vendor's page."""
