"""A monitor's look: what is due, what it reads, what it reports, and who notices when it does not run."""
