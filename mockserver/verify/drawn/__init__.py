"""Cases that are drawn at random or generated from the contract."""
