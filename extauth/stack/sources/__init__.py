"""The sources that a running stack follows: files that change, bundles that are pulled."""
