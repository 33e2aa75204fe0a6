"""`python -m keras_dcgan`: the command line, see `keras_dcgan.cli`."""

import sys

from keras_dcgan.cli import main

if __name__ == "__main__":
    sys.exit(main())
