"""Online endpoints and deployments, and the processes that score."""
