"""The page of a monitor's run: one HTML file that needs nothing else."""
