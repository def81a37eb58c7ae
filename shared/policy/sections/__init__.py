"""The sections of a policy file, and the quantities that people write in them."""
