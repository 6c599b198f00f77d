"""Speed and memory, side by side. ``make bench`` runs everything; each file is a command."""
