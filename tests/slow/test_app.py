"""The app in a real browser."""

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import keras
import numpy as np
import pytest
from conftest import tiny
from PIL import Image

from keras_dcgan import latents

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("gradio")
pytestmark = pytest.mark.once
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# as root, with little shared memory, and past any proxy
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server"]
LIMIT = 240  # seconds for any answer of the page, on the busiest machine


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """`(model, address)` of an app that runs in a process of its own."""
    if BROWSER is None:
        pytest.skip("needs a Chromium browser")
    folder = tmp_path_factory.mktemp("app")
    try:
        command = [BROWSER, "--headless", *ARGUMENTS, f"--user-data-dir={folder}", "--dump-dom", "about:blank"]
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"Chromium does not start on this machine: {error}")
    gan = tiny("radford_28_conditional", image_shape=(8, 8, 3), class_names=["star", "moon", "sun"])
    gan.save(folder / "gan.keras")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "keras_dcgan", "app", folder / "gan.keras", "--port", address.split(":")[-1]]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"NO_PROXY": "127.0.0.1"})
    try:
        end = time.monotonic() + LIMIT
        while not answers(address):
            assert process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < end, (folder / "output").read_text()
            time.sleep(0.2)
        yield gan, address
    finally:
        process.kill()
        process.wait()


def answers(address):
    try:
        return bool(read(address))
    except OSError:
        return False


def read(address):
    """What an address of the app sends, past any proxy."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=LIMIT) as response:
        return response.read()


@pytest.fixture(params=[(1000, 900), (375, 800)], ids=["desktop", "phone"])
def page(served, request):
    playwright.expect.set_options(timeout=1000 * LIMIT)
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=BROWSER, args=ARGUMENTS, timeout=1000 * LIMIT)
        page = browser.new_page(viewport=dict(zip(("width", "height"), request.param, strict=True)))
        page.set_default_timeout(1000 * LIMIT)
        hosts = set()
        page.on("request", lambda sent: hosts.add(re.sub(r"^\w+://([^/:]*).*", r"\1", sent.url)))
        page.goto(served[1])
        yield page
        browser.close()
    assert {host for host in hosts if not host.startswith(("data:", "blob:"))} == {"127.0.0.1"}


def pixels(locator):
    """The image that an element shows, 8×8 pixels."""
    with Image.open(io.BytesIO(read(locator.get_attribute("src")))) as file:
        return np.asarray(file.convert("RGB"))[8::16, 8::16]


def test_the_app(served, page, tmp_path):
    gan, _ = served
    # generate, then one class
    page.get_by_role("button", name="Generate").click()
    samples = page.locator(".thumbnail-item img")
    playwright.expect(samples).to_have_count(16)
    z = keras.ops.convert_to_numpy(latents.sample((16, 4), "uniform", 0, truncation=1.0))
    np.testing.assert_array_equal(pixels(samples.nth(4)), gan.generate(latents=z[4:5], labels=["moon"])[0])
    first = samples.nth(4).get_attribute("src")
    page.get_by_label("Class", exact=True).first.click()
    page.get_by_role("option", name="sun").click()
    page.get_by_role("button", name="Generate").click()
    playwright.expect(samples.nth(4)).not_to_have_attribute("src", first)
    np.testing.assert_array_equal(pixels(samples.nth(4)), gan.generate(latents=z[4:5], labels=["sun"])[0])
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    with Image.open(download.value.path()) as file:
        assert file.format == "PNG"
    # interpolate: first without two samples
    page.get_by_role("button", name="Interpolate").click()
    page.get_by_text("pick two of them first").wait_for()
    for i in (0, 5):
        samples.nth(i).click()
        page.get_by_text(f"sample {i + 1}").wait_for()
    page.get_by_role("button", name="Interpolate").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download GIF").click()
    with Image.open(download.value.path()) as file:
        assert (file.format, file.n_frames) == ("GIF", 38)
    # invert: first what is no picture
    page.get_by_role("tab", name="Inversion").click()
    page.get_by_text("Click to Upload").first.wait_for()
    (tmp_path / "bad.png").write_bytes(b"no picture")
    Image.fromarray(gan.generate(1, labels=0, seed=3)[0]).resize((40, 50)).save(tmp_path / "good.png")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "bad.png")
    page.get_by_text("bad.png").first.wait_for()
    page.get_by_role("button", name="Invert").click()
    page.get_by_text("not a picture that can be read").wait_for()
    page.get_by_label("Clear").or_(page.get_by_label("Remove")).first.click()
    page.get_by_text("Click to Upload").first.wait_for()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "good.png")
    page.get_by_text("good.png").first.wait_for()
    page.get_by_role("button", name="Invert").click()
    playwright.expect(page.locator("img:visible")).to_have_count(1)  # the picture beside its reproduction
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # nothing runs off the screen
    if folder := os.environ.get("KERAS_DCGAN_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/inversion_{page.viewport_size['width']}.png", full_page=True)
        page.get_by_role("tab", name="Samples").click()
        page.screenshot(path=f"{folder}/samples_{page.viewport_size['width']}.png", full_page=True)
