"""Where a run happens: credentials, endpoints and lifetimes. `base` is the protocol."""
