"""The local system: everything the app talks to on Azure, imitated on loopback."""
