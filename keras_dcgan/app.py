"""A local web page to explore a trained model: `keras-dcgan app MODEL`."""

import os
import pathlib
import tempfile
from typing import Any

import keras
import numpy as np

from keras_dcgan import images, latents
from keras_dcgan.conditional_dcgan import ConditionalDCGAN
from keras_dcgan.datasets import folders
from keras_dcgan.dcgan import DCGAN

try:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before it is imported: nothing leaves this machine
    import gradio as gr
except ModuleNotFoundError as error:
    raise ImportError(f'The app needs Gradio: pip install "keras-dcgan[app]". Received: {error}') from error

__all__ = ["create_app", "launch"]

_ALL = "all classes"
_BUTTONS: Any = ["download", "fullscreen"]
_CSS = ".grid-container {grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)) !important}"  # also on a phone
_STEPS = 200  # of the search for an image's latent vector


def create_app(gan: DCGAN) -> gr.Blocks:
    """Creates a page with samples, interpolations and inversions of a model.

    Args:
        gan: `DCGAN` or `ConditionalDCGAN`.

    Returns:
        `gradio.Blocks`, which `launch` serves.
    """
    conditional = isinstance(gan, ConditionalDCGAN)
    classes = gan.class_names or [str(i) for i in range(gan.num_classes or 0)]
    scale = max(1, 128 // max(gan.image_shape[:2]))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="keras_dcgan_app_"))

    def number(name):
        return classes.index(name) if conditional else None

    def enlarge(batch):
        return [images.grid(image, gap=0, scale=scale) for image in batch]

    def sample(n, seed, truncation, name):
        n = int(n)
        z = latents.sample((n, gan.latent_dim), gan.latent_prior, int(seed), truncation)
        z = keras.ops.convert_to_numpy(z)
        labels = None
        if conditional:
            labels = np.arange(n) % len(classes) if name == _ALL else np.full(n, number(name))
        made = gan.generate(latents=z, labels=labels)
        sheet = folder / "samples.png"
        images.save(images.grid(made, scale=scale), sheet)
        return (
            enlarge(made),
            (z, labels),
            [],
            "Pick two samples.",
            gr.DownloadButton(value=str(sheet), interactive=True),
        )

    def pick(drawn: Any, picked: list[int], event: gr.SelectData) -> tuple[list[int], str]:
        picked = [*picked, event.index][-2:]
        text = f"Picked: {' and '.join(f'sample {i + 1}' for i in picked)}."
        return picked, text if len(picked) == 2 else f"{text} Pick another one."

    def interpolate(drawn, picked):
        if len(picked) < 2:
            raise gr.Error("Generate samples and pick two of them first.", print_exception=False)
        z, labels = drawn
        start, end = picked
        there = latents.interpolate(z[start], z[end], 20)
        path = np.concatenate([there, there[-2:0:-1]])  # and back
        made = gan.generate(latents=path, labels=None if labels is None else np.full(len(path), labels[start]))
        file = folder / "interpolation.gif"
        images.save_animation(enlarge(made), file, duration=60)
        return str(file), gr.DownloadButton(value=str(file), interactive=True)

    def invert(path, name):
        if path is None:
            raise gr.Error("Upload a picture first.", print_exception=False)
        try:
            picture = folders.read_image(path, folders.fitting(gan.image_shape[:2]), gan.image_shape[2])[None]
        except ValueError as error:
            message = "This file is not a picture that can be read. Choose another one."
            raise gr.Error(message, print_exception=False) from error
        labels = [np.array([number(name)])] if conditional else []
        z = gan.invert(picture, *labels, steps=_STEPS)
        made = gan.generate(latents=z, labels=labels[0] if conditional else None)
        both = np.concatenate([picture, made])
        return images.grid(both, 2, scale=scale, captions=["picture", "reproduction"])

    with gr.Blocks(title="keras-dcgan", analytics_enabled=False) as app:
        gr.Markdown(f"# {type(gan).__name__}\n{_describe(gan, classes)}")
        drawn, picked = gr.State(), gr.State([])
        with gr.Tab("Samples"):
            with gr.Row():
                name = gr.Dropdown([_ALL, *classes], value=_ALL, label="Class", visible=conditional)
                n = gr.Slider(1, 64, 16, step=1, label="Number")
                seed = gr.Number(0, precision=0, label="Seed")
                widest = 3 if gan.latent_prior == "normal" else 1
                truncation = gr.Slider(0.1, widest, widest, step=0.1, label="Truncation of the latent vectors")
            generate = gr.Button("Generate", variant="primary")
            gallery = gr.Gallery(show_label=False, height="auto", allow_preview=False, format="png")
            download = gr.DownloadButton("Download PNG", interactive=False)
            status = gr.Markdown("Generate samples, then pick two.")
            walk = gr.Button("Interpolate")
            animation = gr.Image(show_label=False, type="filepath", interactive=False, height=256, buttons=_BUTTONS)
            save = gr.DownloadButton("Download GIF", interactive=False)
        with gr.Tab("Inversion"):
            gr.Markdown("Upload a picture to find the latent vector whose image is closest to it.")
            with gr.Row():
                upload = gr.File(label="Picture", type="filepath")
                of_class = gr.Dropdown(classes, value=next(iter(classes), None), label="Class", visible=conditional)
            start = gr.Button("Invert", variant="primary")
            result = gr.Image(show_label=False, interactive=False, height=256, format="png", buttons=_BUTTONS)
        generate.click(sample, [n, seed, truncation, name], [gallery, drawn, picked, status, download])
        gallery.select(pick, [drawn, picked], [picked, status])
        walk.click(interpolate, [drawn, picked], [animation, save])
        start.click(invert, [upload, of_class], result)
    return app


def _describe(gan, classes):
    height, width, channels = gan.image_shape
    text = f"{height}×{width} pixels, {'gray' if channels < 3 else 'color'}, {gan.epochs_trained} epochs"
    return f"{text}; classes: {', '.join(classes)}" if classes else text


def launch(app: gr.Blocks, port: int | None = None, **kwargs: Any) -> None:
    """Serves an app at 127.0.0.1, or at GRADIO_SERVER_NAME, which a Space sets; nothing is loaded from other hosts.

    Args:
        app: the return value of `create_app`.
        port: int; the default is the first free one from 7860 on.
        **kwargs: the other arguments of `gradio.Blocks.launch`.
    """
    options: dict[str, Any] = {
        "server_name": os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        "server_port": port,
        "share": False,
        "footer_links": [],
        "css": _CSS,
        "theme": gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "ssr_mode": False,
    }
    app.launch(**(options | kwargs))
