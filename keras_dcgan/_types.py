"""What the annotations of several modules name."""

from typing import Any, Protocol

import numpy as np


class Array(Protocol):
    """One array: NumPy's, or a tensor of any backend. Lists are none."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...

    def __array__(self) -> np.ndarray: ...
