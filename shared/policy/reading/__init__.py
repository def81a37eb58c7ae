"""From files to policies, strictly, with the line of every mistake."""
