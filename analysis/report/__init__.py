"""What a study says: in the terminal, on a page, in a paper's tables."""
