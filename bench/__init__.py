"""What the speed claims rest on: `bench/run` measures, docs/performance.md tells."""
