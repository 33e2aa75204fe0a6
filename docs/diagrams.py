"""Draws the networks of the presets as SVG, one box per feature map: height for its side, width for its channels."""

import math

import keras

from keras_dcgan.training.validation import unwrapped


def steps(network):
    """`(shape, label)` of the first input and of every layer behind it that changes the shape."""
    chained = isinstance(network, keras.Sequential)
    reached = {id(network.inputs[0])}
    path = [(tuple(network.inputs[0].shape[1:]), "")]
    for layer in network.layers:
        if not chained and not any(id(x) in reached for x in keras.tree.flatten(layer.input)):
            continue  # a layer of the label alone
        reached.add(id(layer.output))
        inner, shape = unwrapped(layer), tuple(layer.output.shape[1:])
        if isinstance(inner, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
            kernel, stride = inner.kernel_size[0], inner.strides[0]
            kind = "ConvT" if isinstance(inner, keras.layers.Conv2DTranspose) else "Conv"
            path.append((shape, f"{kind} {kernel}, stride {stride}"))
        elif isinstance(inner, keras.layers.Dense):
            path.append((shape, "Dense"))
        elif isinstance(inner, keras.layers.Reshape) and path[-1][1] == "Dense":
            path[-1] = (shape, "Dense, reshape")
    return path


def svg(network):
    """The network as an SVG drawing, legible on white and black."""
    x, boxes = 30.0, []
    top, scale = 30, 2.2
    path = steps(network)
    tallest = max(scale * shape[0] for shape, _ in path if len(shape) == 3)
    for i, (shape, label) in enumerate(path):
        side = max(6.0, scale * shape[0]) if len(shape) == 3 else 60.0
        depth = 4 + 5 * math.log2(1 + shape[-1]) if len(shape) == 3 else 6
        y = top + 20 + (tallest - side) / 2
        if i:
            middle = top + 20 + tallest / 2
            boxes.append(f'<path d="M{x:.0f} {middle:.0f}h62m-6 -4l6 4l-6 4" class="arrow"/>')
            for line, text in enumerate(label.split(", ")):
                boxes.append(f'<text x="{x + 31:.0f}" y="{middle - 20 + 12 * line:.0f}">{text}</text>')
            x += 70
        boxes.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{depth:.0f}" height="{side:.0f}"/>')
        size = "×".join(map(str, shape))
        boxes.append(f'<text x="{x + depth / 2:.0f}" y="{top + 40 + tallest:.0f}">{size}</text>')
        x += depth + 8
    width, height = x + 30, top + 60 + tallest
    style = (
        "text{font:10px sans-serif;text-anchor:middle;fill:#666}"
        "rect{fill:#5b8def;stroke:#2f5fc4}.arrow{stroke:#888;fill:none}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">'
        f"<style>{style}</style>{''.join(boxes)}</svg>\n"
    )
