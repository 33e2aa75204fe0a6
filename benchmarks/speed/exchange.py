"""The data that devices exchange per step, and the batch size from which computing dominates.

python benchmarks/speed/exchange.py

A calculation, not a measurement, for every preset at its own size: one all-reduce per step of the float32 gradients of
both networks. Each of n devices sends 2 (n - 1) / n times their size, in 2 log2(n) sequential messages. No overlap with
computation. Synchronized batch normalization is not included.
"""

import argparse
import math

from flops import step_flops

import keras_dcgan
from keras_dcgan import presets

# operations per second in mixed_bfloat16 on an NVIDIA H200: docs/benchmarks/speed.md
RATE, RATE_64 = 56e12, 144e12

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--near", type=float, default=450, help="GB/s per device within a machine")
parser.add_argument("--far", type=float, default=50, help="GB/s per device between machines")
parser.add_argument("--latency", type=float, default=10, help="microseconds per message")
parser.add_argument("--machine", type=int, default=8, help="devices per machine")
parser.add_argument("--efficiency", type=float, default=0.9, help="share of the time for computation")
parser.add_argument("--devices", type=int, nargs="+", default=[8, 64, 512])
args = parser.parse_args()


def seconds_of_exchange(size, n):
    link = 1e9 * (args.near if n <= args.machine else args.far)
    return 2 * (n - 1) / n * size / link + 2 * math.log2(n) * args.latency / 1e6


print("| preset | gradients, MB | GFLOP an image | batch | link, GB/s |", end="")
print(*(f" batch on {n} |" for n in args.devices), sep="")
print("|---|" + "---:|" * (4 + len(args.devices)))
for name in presets.names():
    preset = presets.get(name)
    if preset.recipe.update != "simultaneous":  # the operations counted are those of a simultaneous step
        continue
    model = keras_dcgan.ConditionalDCGAN if preset.conditional else keras_dcgan.DCGAN
    gan = model.from_preset(name, **({"num_classes": 10} if preset.conditional else {}))
    size = 4 * sum(math.prod(v.shape) for v in gan.trainable_variables)
    flops = step_flops(gan)
    rate = RATE_64 if gan.image_shape[0] >= 64 else RATE
    batch_size = preset.recipe.batch_size
    # at which the exchange of many devices takes as long as their computation
    link = 2 * size / (batch_size * flops / rate)
    wanted = args.efficiency / (1 - args.efficiency)  # times as much computation as exchange
    batches = [n * math.ceil(wanted * seconds_of_exchange(size, n) * rate / flops) for n in args.devices]
    cells = [f"{size / 1e6:.1f}", f"{flops / 1e9:.2f}", batch_size, f"{link / 1e9:.1f}"]
    print(f"| `{name}` |", *(f"{cell} |" for cell in cells), *(f"{batch:,} |" for batch in batches))
