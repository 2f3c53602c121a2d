"""The same faults under Procession and its peers, caused on purpose: one table. See `benchmarks/faults --help`."""
