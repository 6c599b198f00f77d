"""What is done with trained networks: judge them, and apply them to new measurements."""
