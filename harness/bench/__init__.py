"""What `bulkhead bench` measures, one subject a module; `harness.cli.bench` shows the figures."""
