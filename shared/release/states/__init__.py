"""The states of a release, and what each does with what was observed."""
