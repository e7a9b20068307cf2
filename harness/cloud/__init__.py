"""The embedded AWS: an authorization gateway before an emulator, with its own STS and Bedrock."""
