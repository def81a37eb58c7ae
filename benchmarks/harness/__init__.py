"""What all benchmarks share: their shape, the command that runs them, timing, and a storage emulator."""
