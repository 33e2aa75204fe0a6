"""TFLOP/s of every convolution of `radford_64`: JAX beside PyTorch, forward and both gradients, in several variants.

python benchmarks/gpu/layers.py --out out/gpu/layers.json                              # float32
python benchmarks/gpu/layers.py --dtype bfloat16 --out out/gpu/layers_bfloat16.json
python benchmarks/gpu/layers.py --batch-size 2 --width 0.05 --rounds 1 --out tiny.json  # a try on a CPU

Each variant is a process of its own, since XLA reads its flags once. Variants that the file holds are not repeated.

- jax: `keras.ops.conv` and `conv_transpose`, channels last, as in the library
- jax_nhwc, jax_nchw: the same with the layout that XLA's flag `--xla_gpu_force_conv_…` forces
- jax_channels_first: the same on `(batch, channels, height, width)`
- jax_highest: with `jax_default_matmul_precision="highest"`: no TF32
- jax_gradient: transposed convolutions as the gradient of a convolution with respect to its input
- jax_batch_norm: followed by batch normalization and LeakyReLU, the time of all three
- torch, torch_channels_last: PyTorch, TF32 allowed as in its example
"""

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

KERNEL, STRIDES = 5, 2
# transposed or not, side of the input, channels of the input and of the output
LAYERS = {
    "D1": (False, 64, 3, 128),
    "D2": (False, 32, 128, 256),
    "D3": (False, 16, 256, 512),
    "D4": (False, 8, 512, 1024),
    "G1": (True, 4, 1024, 512),
    "G2": (True, 8, 512, 256),
    "G3": (True, 16, 256, 128),
    "G4": (True, 32, 128, 3),
}
FLAGS = {"jax_nhwc": "--xla_gpu_force_conv_nhwc=true", "jax_nchw": "--xla_gpu_force_conv_nchw=true"}
VARIANTS = (
    *("jax", "jax_nhwc", "jax_nchw", "jax_channels_first", "jax_highest", "jax_gradient", "jax_batch_norm"),
    *("torch", "torch_channels_last"),
)
PASSES = ("forward", "by input", "by weights")


def shapes(layer, args, channels_first=False):
    """Shapes of the images and of the kernel `(rows, columns, in, out)`, and the operations of a pass."""
    transposed, side, before, after = LAYERS[layer]
    before, after = (n if n == 3 else max(1, round(n * args.width)) for n in (before, after))
    positions = side**2 if transposed else (side // STRIDES) ** 2
    flops = 2 * args.batch_size * positions * KERNEL**2 * before * after
    sides = (side, side)
    images = (args.batch_size, before, *sides) if channels_first else (args.batch_size, *sides, before)
    return images, (KERNEL, KERNEL, before, after), flops


def in_jax(layer, variant, args):
    """The three passes as functions without arguments that return an array, and how to wait for it."""
    import jax
    import jax.numpy as jnp
    from keras import ops

    if variant == "jax_highest":
        jax.config.update("jax_default_matmul_precision", "highest")
    first = variant == "jax_channels_first"
    transposed = LAYERS[layer][0]
    images, kernel, flops = shapes(layer, args, first)
    options = {"strides": STRIDES, "padding": "same", "data_format": "channels_first" if first else "channels_last"}

    def apply(x, w):
        if not transposed:
            y = ops.conv(x, w, **options)
        elif variant == "jax_gradient":
            n, rows, columns, _ = images
            larger = jax.ShapeDtypeStruct((n, STRIDES * rows, STRIDES * columns, kernel[3]), x.dtype)
            swapped = jnp.swapaxes(w, 2, 3)  # the kernel of the convolution in the other direction
            (y,) = jax.linear_transpose(lambda y: ops.conv(y, swapped, **options), larger)(x)
        else:
            y = ops.conv_transpose(x, jnp.swapaxes(w, 2, 3), **options)
        if variant == "jax_batch_norm":
            mean, variance = jnp.mean(y, (0, 1, 2)), jnp.var(y, (0, 1, 2))
            y = ops.leaky_relu((y - mean) * jax.lax.rsqrt(variance + 1e-3), 0.2)
        return y

    keys = jax.random.split(jax.random.key(0), 3)
    x, w = (jax.random.normal(key, shape, args.dtype) for key, shape in zip(keys, (images, kernel), strict=False))
    dy = jax.random.normal(keys[2], jax.eval_shape(apply, x, w).shape, args.dtype)
    by_input = jax.jit(lambda x, w, dy: jax.vjp(lambda x: apply(x, w), x)[1](dy))
    by_weights = jax.jit(lambda x, w, dy: jax.vjp(lambda w: apply(x, w), w)[1](dy))
    calls = functools.partial(jax.jit(apply), x, w), *(functools.partial(f, x, w, dy) for f in (by_input, by_weights))
    return calls, jax.block_until_ready, flops


def in_torch(layer, variant, args):
    """As `in_jax`."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    (n, rows, columns, before), (*_, after), flops = shapes(layer, args)
    transposed = LAYERS[layer][0]
    kind = torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d
    extra = {"output_padding": 1} if transposed else {}
    layout = torch.channels_last if variant == "torch_channels_last" else torch.contiguous_format
    options = {"device": device, "dtype": getattr(torch, args.dtype)}
    convolution = kind(before, after, KERNEL, STRIDES, KERNEL // 2, bias=False, **options, **extra)
    convolution.to(memory_format=layout)
    x = torch.randn(n, before, rows, columns, **options).to(memory_format=layout)
    x.requires_grad_()
    y = convolution(x)
    dy = torch.randn_like(y)

    def forward():
        with torch.no_grad():
            return convolution(x)

    def gradient(value):
        return torch.autograd.grad(y, value, dy, retain_graph=True)

    wait = (lambda _: torch.cuda.synchronize()) if device == "cuda" else (lambda _: None)
    return (forward, lambda: gradient(x), lambda: gradient(convolution.weight)), wait, flops


def measure(variant, args):
    """TFLOP/s of each pass of each layer, the median of the rounds."""
    results = {}
    for layer in LAYERS:
        calls, wait, flops = (in_torch if variant.startswith("torch") else in_jax)(layer, variant, args)
        for name, call in zip(PASSES, calls, strict=True):
            wait(call())  # compiles
            seconds = []
            for _ in range(args.rounds):
                start = time.perf_counter()
                for _ in range(args.calls):
                    result = call()
                wait(result)
                seconds.append((time.perf_counter() - start) / args.calls)
            results.setdefault(layer, {})[name] = flops / statistics.median(seconds) / 1e12
    return results


def table(results):
    lines = [f"| layer | pass | {' | '.join(results)} |", "|---" * 2 + "|---:" * len(results) + "|"]
    for layer in LAYERS:
        for name in PASSES:
            cells = (f"{results[variant][layer][name]:.3g}" for variant in results)
            lines.append(f"| {layer} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS, metavar="VARIANT")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--width", type=float, default=1.0, help="factor for all channels")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20, help="per round")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="JSON file")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # in its own process
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.variants[0], args)))
        return
    args.out.parent.mkdir(parents=True, exist_ok=True)
    content = json.loads(args.out.read_text()) if args.out.exists() else {"settings": None, "tflops": {}}
    content["settings"] = {name: getattr(args, name) for name in ("batch_size", "width", "dtype", "rounds", "calls")}
    for variant in args.variants:
        if variant in content["tflops"]:
            continue
        environment = os.environ | {"KERAS_BACKEND": "torch" if variant.startswith("torch") else "jax"}
        environment["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS.get(variant, '')}".strip()
        command = [sys.executable, __file__, "--one", "--variants", variant, "--out", args.out]
        for name, value in content["settings"].items():
            command += [f"--{name.replace('_', '-')}", value]
        process = subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.PIPE, text=True)
        if process.returncode:
            print(f"{variant} failed", file=sys.stderr)  # its message is above; a flag may be unknown to this XLA
            continue
        content["tflops"][variant] = json.loads(process.stdout.splitlines()[-1])
        temporary = args.out.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=1))
        temporary.replace(args.out)
    print(table(content["tflops"]))


if __name__ == "__main__":
    main()
