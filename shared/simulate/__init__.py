"""What a policy's rollout would do: thousands of releases through the release's own step and judge, on virtual time."""
