"""Notices on their way to people: posted once, gathered in bursts, delivered at least once."""
