"""A typed client of the control surface, made from its OpenAPI document, compiled and used."""
