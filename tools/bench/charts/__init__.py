"""Charts of the benchmarks, as SVG written by hand."""
