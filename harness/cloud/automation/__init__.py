"""What AWS does by itself when a metric crosses a line: alarms, service events, state machines.

Nothing here has rights of its own: every step is taken as a role that the step before may use, and
the gateway decides each call. Budgets are kept here too; there is no bill that could set one off.
"""
