"""The release as a state machine: pure decisions over what was observed."""
