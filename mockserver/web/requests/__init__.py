"""Requests on the control surface: listed, followed, told in full, tried and sent again."""
