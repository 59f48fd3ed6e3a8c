"""The array types that money is computed in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SmallFloats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
SmallInts = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]
