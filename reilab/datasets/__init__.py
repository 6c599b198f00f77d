"""Images to learn from: bundled samples, folders of images, and the samples a task is made of."""
