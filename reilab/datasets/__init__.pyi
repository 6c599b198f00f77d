from .bundled import load_bundled as load_bundled
from .catalogue import image_splits as image_splits
from .catalogue import load_images as load_images
from .folder import load_folder as load_folder
from .samples import Batch as Batch
from .samples import InMemory as InMemory
from .samples import Samples as Samples
