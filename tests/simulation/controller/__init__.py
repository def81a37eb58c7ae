"""A simulator of releases from their opening to their end: the production's controller, people, and a world in trouble.

`python -m tests.simulation.controller SEED --trace` shows one seed, call by call.
"""
