"""Brain-Score: our models as its models, its benchmarks on our models, and nothing of its caches."""
