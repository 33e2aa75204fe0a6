"""A page to explore a trained model, in the shape of a Hugging Face Space.

python examples/app/app.py [MODEL]    # gan.keras in this folder by default
"""

import pathlib
import sys

import keras

from keras_dcgan.app import create_app, launch

model = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("gan.keras")

if __name__ == "__main__":
    launch(create_app(keras.saving.load_model(model)))
