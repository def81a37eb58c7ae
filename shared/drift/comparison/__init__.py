"""The comparison of a window with its reference: distances, chances, and the verdict."""
