"""The KServe v2 API over HTTP with Triton's generate and binary tensor extensions."""
