"""What is generated in pages: usage, inputs and outputs of modules, and who may do what."""
