"""What did not get its effects: found, listed, put back or dismissed; and the sweep that takes up abandoned work."""
