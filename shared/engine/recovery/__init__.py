"""What did not get its effects: found, listed, put back or dismissed; and the sweep that resumes abandoned work."""
