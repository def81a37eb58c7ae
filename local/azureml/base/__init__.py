"""What every part of the emulator uses: ARM's manners, operations, assets, storage, processes, events."""
