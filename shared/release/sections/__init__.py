"""The policy's sections about releases, and the plan that is made of them."""
