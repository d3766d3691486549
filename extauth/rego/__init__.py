"""OPA and its language as the compiler, the checks and the explanations use them."""
