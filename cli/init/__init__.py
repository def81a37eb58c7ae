"""`vigia init`: from a few answers to a policy, components and a script that registers them."""
