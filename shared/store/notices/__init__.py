"""Records of notices on their way to people."""
