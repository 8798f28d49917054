"""Colony detection by OpenCV, scikit-image and SciPy as an engine of the benchmark. Run by bench/run/process.ts."""

import cv2
import numpy as np
import scipy
import skimage
from scipy.ndimage import binary_fill_holes
from serve import Unsupported, processor, serve
from skimage.filters import threshold_otsu
from skimage.filters.rank import entropy
from skimage.measure import label, regionprops
from skimage.morphology import binary_opening, disk, opening, remove_small_objects

DISK = disk(3)
LEAST = 2000


def blur(grey):
    return cv2.GaussianBlur(grey, (3, 3), 0)


def rescale(e):
    return ((e - e.min()) / (e.max() - e.min()) * 255).round()


def threshold(image):
    image = image.astype(np.float64)
    return image > threshold_otsu(image)


def grey_opening(rescaled):
    return opening(rescaled.astype(np.uint8), DISK)


def measure(mask, grey):
    """Labels, and box, area and mean intensity of each object."""
    labels = label(mask, connectivity=2)
    return labels, [(*p.bbox, p.area, p.mean_intensity) for p in regionprops(labels, grey)]


def detect(grey, order):
    rescaled = rescale(entropy(blur(grey), DISK))
    if order == "code":
        solid = threshold(grey_opening(rescaled))
    else:
        solid = binary_opening(threshold(rescaled), DISK)
    final = remove_small_objects(binary_fill_holes(solid), LEAST)
    measure(final, grey)
    return final


class Stages:
    """The inputs of all stages of one well."""

    def __init__(self, grey):
        self.grey = grey
        self.blurred = blur(grey)
        self.entropy = entropy(self.blurred, DISK)
        self.rescaled = rescale(self.entropy)
        self.binary = threshold(self.rescaled)
        self.opened = binary_opening(self.binary, DISK)
        self.filled = binary_fill_holes(self.opened)
        self.final = remove_small_objects(self.filled, LEAST)


KINDS = {
    "detect": lambda s: detect(s.grey, "text"),
    "detect-code": lambda s: detect(s.grey, "code"),
    "detect-blur": lambda s: blur(s.grey),
    "detect-entropy": lambda s: entropy(s.blurred, DISK),
    "detect-rescale": lambda s: rescale(s.entropy),
    "detect-otsu": lambda s: threshold(s.rescaled),
    "detect-opening": lambda s: binary_opening(s.binary, DISK),
    "detect-grey-opening": lambda s: grey_opening(s.rescaled),
    "detect-fill": lambda s: binary_fill_holes(s.opened),
    "detect-small": lambda s: remove_small_objects(s.filled, LEAST),
    "detect-label": lambda s: measure(s.final, s.grey)[0],
}

known = {}


def stages(grey):
    """Made once per well: the cases of one run share it."""
    key = (grey.shape, hash(grey.tobytes()))
    if key not in known:
        known.clear()
        known[key] = Stages(grey)
    return known[key]


class Case:
    def __init__(self, compute, inputs):
        self.compute, self.inputs, self.result = compute, inputs, None

    def run(self):
        self.result = self.compute(self.inputs)

    def output(self):
        return self.result * 255 if self.result.dtype == bool else self.result

    def finish(self):
        return {}


def prepare(request):
    spec = request["spec"]
    if spec["kind"] not in KINDS:
        raise Unsupported(f"has no {spec['kind']}")
    side = spec["sizes"]["side"]
    grey = np.fromfile(request["inputs"]["well"], dtype="<f4").reshape(side, side).astype(np.uint8)
    case = Case(KINDS[spec["kind"]], stages(grey))
    if request["output"]:
        case.run()
        case.output().astype("<f4").tofile(request["output"])
    return case


serve(
    {
        "adapter": processor(),
        "driver": f"OpenCV {cv2.__version__} ({cv2.getNumThreads()} threads), SciPy {scipy.__version__}",
        "version": skimage.__version__,
    },
    prepare,
)
