"""Events: from the wire to a fact, and our own events back. Standard library only."""
