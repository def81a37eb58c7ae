"""One file per event type: from the wire to a fact, and our own events back. Standard library only."""
