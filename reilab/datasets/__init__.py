"""Images to learn from: bundled samples, folders of images, and the samples a task is made of."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
