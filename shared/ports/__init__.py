"""What the core needs from outside: Protocols and their request and response dataclasses."""
