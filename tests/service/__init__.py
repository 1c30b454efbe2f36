"""Tests of whole requests: golden files, recorded exchanges, and laws that hold for every patch."""
