"""A monitor's look: what is due, what it reads, what it reports, and the notices when it does not run."""
