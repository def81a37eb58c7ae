"""What every part of the emulator uses: ARM's conventions, operations, assets, storage, processes, events."""
