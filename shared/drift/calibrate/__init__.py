"""How often a signal would have alarmed on the past, and whether drift lasts."""
