"""`python3 dev.py up`: the local system for models of one's own."""
