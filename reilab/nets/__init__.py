"""Networks: one file each. A new file in this folder is a new network."""
