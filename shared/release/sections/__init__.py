"""The policy's sections about releases, and the release plan that is made of them."""
