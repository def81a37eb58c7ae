"""What dev.py runs: makes this machine ready, with the standard library only."""
