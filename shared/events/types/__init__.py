"""One file per event type: from the wire to a fact. Standard library only."""
