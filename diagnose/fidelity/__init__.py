"""Is a verdict what the game would say? Cases with known answers, and two engines compared."""
