"""What is generated in the pages of the modules: usage, inputs and outputs."""
