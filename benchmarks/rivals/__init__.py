"""Rules by which others roll a canary back, and simulated hours to try them on."""
