"""Events that we make: our own, and those that Azure ML should have sent."""
