"""What the two papers claim of treatments, tried on a language small enough to train in seconds."""
