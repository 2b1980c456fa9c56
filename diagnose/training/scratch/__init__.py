"""An agent made from nothing: a corpus of episodes, a tokeniser, a small transformer.

The corpus is played in the real loop and the real simulator by a teacher, in many worlds: in each,
a law holds or its contrary does. What is trained on it learns to read which world it is in, from a
report, from its book or from a sketch, and cannot know it otherwise: its gaps are of this making,
and how well it reads is not.
"""
