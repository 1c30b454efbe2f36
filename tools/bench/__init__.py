"""Benchmarks: `make bench` measures the mock beside plain Flask, `make bench-peers` beside other mock servers."""
