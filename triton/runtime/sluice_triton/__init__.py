"""What the demo models share: tensors in, text or vectors out, through Triton's Python backend.

Imported by each model's `model.py` before anything else, so that the thread counts below are set
before numpy loads its BLAS: a model instance is one process that uses one core.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
