"""What is timed and measured; no part of the tests, as a timed test would fail on a busy machine.

    python -m benchmarks            lmm beside its peers; with --growth against N and q
    python -m benchmarks.scaling    three routes to one model against its size: it writes
                                    data/scaling.csv, which chapter 19 draws
"""
