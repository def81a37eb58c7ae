"""What is to be done about a fact: whom it concerns, what is proposed, what guardrails hold back. Pure."""
