"""Fault injection against real processes and real databases: `python -m tests.faults --help`."""
