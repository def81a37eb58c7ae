"""What a policy's rollout would do: thousands of releases through `advance` and the judge, on virtual time."""
