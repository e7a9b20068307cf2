"""Ways that content leaves a log group: subscriptions, metrics, exports, masked and unmasked reads.

`LogsOutlets` puts them together and hooks them onto the ingestion of events.
"""
