"""The use cases: what a queue message, a timer or a click sets in motion, over ports and stores."""
