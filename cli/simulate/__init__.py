"""`vigia simulate`: what a policy's rollout would do with good and with bad versions."""
