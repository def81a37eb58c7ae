"""The triggers that the host runs: HTTP, Event Grid, queues and timers."""
