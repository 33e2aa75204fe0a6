"""Runs a script on TensorFlow where MirroredStrategy finds two devices.

python two_replicas.py SCRIPT [OPTION ...]
"""

import functools
import runpy
import sys

import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.distribute.MirroredStrategy = functools.partial(tf.distribute.MirroredStrategy, ["CPU:0", "CPU:1"])
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
