"""What `bulkhead bench` measures, one subject a module. Figures only; `harness.cli.bench` shows them."""
