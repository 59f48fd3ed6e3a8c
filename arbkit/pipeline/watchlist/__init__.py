"""The watchlist in force, with notes and groups: a text file on one machine, a store that several machines share.

With the embedded store the file says which products are watched, and the store keeps by ASIN what users said of them:
no edit of the file loses a note, and nobody overwrites an edit. A store behind an address is the list itself. It adopts
the file once; what is edited there later counts when it is imported.
"""
