"""Real processes, real storage, real emulators: workers that die and freeze anywhere, and what they did is counted."""
