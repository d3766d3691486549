"""`python -m extauth.compiler.proxy gateway.yaml envoy/demo` renders Envoy's resources."""

import sys
from pathlib import Path

from extauth.compiler.overrides import Overrides
from extauth.compiler.proxy import render
from extauth.compiler.source import read_source

config, folder = map(Path, sys.argv[1:])
for name, text in render(read_source(config, Overrides()).settings, Overrides()).items():
    (folder / name).write_bytes(text)
