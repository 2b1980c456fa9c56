"""Records in forms that people and their tools already read: web pages, chat lines, Inspect logs.

A transcript is text of strangers. What is written here holds it as text: escaped, marked where a
character would not show, and without a script to run.
"""
