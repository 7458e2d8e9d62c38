"""Stand-ins for outside services: own processes that speak the vendor's wire protocol and refuse what it refuses.

They import nothing of `portal`, keep everything in memory, listen on this machine only, and forget all when they end.
What is theirs and not the vendor's lies under `/control/`, `/messages.json` and the page at `/`.
"""
