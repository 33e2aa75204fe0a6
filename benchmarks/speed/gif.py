"""Time and memory to add a frame to the animation of `GifSnapshot`, at the first epochs and after many.

python benchmarks/speed/gif.py [--frames 1000]

Frames of 25 color images of 64×64, enlarged twice. One row per tenth of the frames: the median time to add one, the
size of the file, and the peak memory of the process.
"""

import argparse
import pathlib
import resource
import statistics
import tempfile
import time

import numpy as np

from keras_dcgan import images
from keras_dcgan.callbacks.gif_file import GifFile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--frames", type=int, default=1000)
args = parser.parse_args()

random = np.random.default_rng(0)
smooth = random.integers(0, 256, (25, 8, 8, 3), "uint8").repeat(8, 1).repeat(8, 2)
print("| frames | ms per frame | MB of the file | MB of memory |\n|---:|---:|---:|---:|")
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "samples.gif")
    animation, seconds = None, []
    for i in range(1, args.frames + 1):
        grid = images.grid(np.roll(smooth, i, axis=0), 5, scale=2)
        animation = animation or GifFile(path, grid.size, duration=200)
        start = time.perf_counter()
        animation.add(grid)
        seconds.append(time.perf_counter() - start)
        if i % max(1, args.frames // 10) == 0:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            median = 1000 * statistics.median(seconds)
            print(f"| {i:,} | {median:.1f} | {path.stat().st_size / 1e6:.1f} | {memory:.0f} |", flush=True)
            seconds = []
