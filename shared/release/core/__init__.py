"""What every state of a release uses: observations, actions, requests, transitions and words."""
