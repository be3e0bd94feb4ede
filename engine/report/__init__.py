"""A Plan or a SyncResult in words: text for people, JSON for programs.

Pure: the same input gives the same bytes. Secrets are hidden in ``mask`` and nowhere else.
"""
