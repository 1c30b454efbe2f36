"""The documentation site: pages of docs/ in four kinds, and those that are written from tables, for the generator."""
