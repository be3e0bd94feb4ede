"""Promotion: edit bytes in a commit's files, commit, push by compare-and-swap.

`edit` and what it imports are pure; `land` is the loop that meets a Git server.
"""
