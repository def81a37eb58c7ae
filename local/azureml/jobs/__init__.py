"""Jobs, from the PUT to the uploaded output."""
