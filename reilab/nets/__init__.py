"""Networks that map images to images."""
