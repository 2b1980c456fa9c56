"""The world: blocks and circuits, the tick engine that presses their button, and its trace."""
