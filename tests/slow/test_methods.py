"""Ten steps of every loss, update mode and number of discriminator steps equal those of a plain loop."""

import plain
import pytest
import test_steps
from test_steps import UPDATES, equals_a_plain_loop, networks_without_batch_norm


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("loss", plain.LOSSES)
def test_ten_steps_equal_those_of_a_plain_loop(monkeypatch, loss, update, steps):
    monkeypatch.setattr(test_steps, "BATCH", 10)
    equals_a_plain_loop(loss, update, steps, networks_without_batch_norm, 10)
