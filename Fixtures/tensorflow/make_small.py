"""Writes checkpoints of a few numbers with TensorFlow into small/: of objects with an optimizer, and of variables in
slices. What is tried on many changed files begins with them.

    python make_small.py     # as make.py
"""

import os
import shutil
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

SMALL = Path(__file__).parent / "small"
V1 = tf.compat.v1


def objects():
    """A model of one layer, with slots of its optimizer, and a list."""
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(2,), name="dense")])
    model.compile(optimizer=tf.keras.optimizers.legacy.SGD(0.0, momentum=0.5), loss="mse")
    model.fit(np.ones((2, 2)), np.ones((2, 2)), verbose=0)
    part = tf.Module()
    part.table = [tf.Variable([1, 2], name="first"), tf.Variable(3.0, name="second")]
    tf.train.Checkpoint(net=model, part=part).write(str(SMALL / "objects"))


def slices():
    """A variable in two parts of rows, and one in two of columns."""
    with tf.Graph().as_default(), V1.Session() as session:
        for axis, name in enumerate(("rows", "columns")):
            V1.get_variable(
                name, (3, 4), initializer=V1.ones_initializer(), partitioner=V1.fixed_size_partitioner(2, axis=axis))
        V1.get_variable("whole", (2,), initializer=V1.ones_initializer())
        session.run(V1.global_variables_initializer())
        V1.train.Saver().save(session, str(SMALL / "slices"), write_meta_graph=False, write_state=False)


if __name__ == "__main__":
    shutil.rmtree(SMALL, ignore_errors=True)
    SMALL.mkdir()
    objects()
    slices()
