"""What online and batch endpoints do alike."""
