"""Tests of what is data: the contract and the facts of the vendor's page."""
