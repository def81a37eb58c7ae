"""Canary statistics: pure, deterministic, valid however often they are looked at."""
