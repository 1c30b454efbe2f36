"""Benchmarks: `make bench` measures the mock beside plain Flask, Redis and other mock servers; it writes one page."""
