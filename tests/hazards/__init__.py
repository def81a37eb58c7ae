"""The hazards that the design names, each with the behaviour that is expected, end to end."""
