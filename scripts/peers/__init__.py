"""Holds the policy engine against another one: `make peers`. For development only.

The other engine is a Node package, installed outside the tree and run as a child process. Nothing
imports this, and no test but its own runs it.
"""
