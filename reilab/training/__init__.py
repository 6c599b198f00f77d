"""Training: losses, methods, and the generator that yields events."""
