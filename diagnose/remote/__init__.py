"""Studies at an address that fsspec knows: an object store instead of a folder.

A process works in a folder of this machine, its *spool*, as in any study's folder, and what stands
there survives whatever happens to the network. Beside it a keeper (``keeper``, ``process``) sends
what is appended as immutable objects with their checksums (``segments``, ``sender``), holds the
lease of this process's part (``lease``), and at opening brings what other machines recorded into
the spool (``mirror``), where all readers find it. For a study in a folder ``address`` is imported
alone, which imports nothing.
"""
