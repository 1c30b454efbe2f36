"""The OpenAPI document of the control surface, and the answers that are held against it."""
