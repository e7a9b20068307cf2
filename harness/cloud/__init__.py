"""The embedded AWS: an authorization gateway in front of an emulator, with its own STS and Bedrock."""
