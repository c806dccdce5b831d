"""What `benchmarks/performance.py` measures, one idea a file."""
