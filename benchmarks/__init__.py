"""Procession measured beside other process managers: `benchmarks/run`."""
