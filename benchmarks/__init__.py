"""The promised figures, each measured beside its baseline in the same run: ``python -m benchmarks``.

One module per group of figures; ``servers`` are the processes that they measure and compare with. Nothing here is a test: a
timed test fails on a busy machine, and this says by how much.
"""
