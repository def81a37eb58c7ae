"""The app as a whole: exactly-once, throughput, start-up, hostile input and the demo."""
