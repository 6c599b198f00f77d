"""Methods of learning to reconstruct: one file each. A new file in this folder is a new method."""
