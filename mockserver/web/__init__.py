"""Flask: the control surface, the token endpoint and the vendor's calls."""
