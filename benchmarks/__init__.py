"""What is timed and measured; no part of the tests, as a timed test would fail on a busy machine.

    python -m benchmarks            lmm beside its peers; --growth: time against N and q
    python -m benchmarks.scaling    three routes to one model against its size: data/scaling.csv, chapter 19
"""
