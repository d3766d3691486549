"""llama.cpp's HTTP server on the tiny model: `llama_server.py MODEL PORT [KEY]`, until it is told
to stop."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import xllamacpp

model, port, *keys = sys.argv[1:]
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(port)
parameters.model_alias = {"tiny"}
parameters.n_ctx = 4096
parameters.n_parallel = 2
parameters.cpuparams.n_threads = 1
parameters.use_jinja = True
parameters.default_template_kwargs = {"enable_thinking": "false"}
if keys:
    parameters.api_keys = [Path(keys[0]).read_text().strip()]
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
server = xllamacpp.Server(parameters)
sys.stdout.write("listening\n")
sys.stdout.flush()
stopped.wait()
