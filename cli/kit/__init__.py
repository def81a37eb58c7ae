"""What every command uses: the app, options, errors, output, times and confirmations."""
