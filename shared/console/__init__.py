"""Pages for people: plain HTML without scripts, readable on a phone."""
