"""A simulator of the whole path from a delivered event to its effects, running the production code.

`python -m tests.simulation SEED --trace` shows one seed, call by call.
"""
