"""A figure that a notebook shows without pyplot."""

from io import BytesIO

from matplotlib.figure import Figure


class Shown(Figure):
    """A figure. Made without pyplot it belongs to no window, and is freed like any object."""

    def _repr_png_(self) -> bytes:
        """Return the picture that a notebook shows when a cell ends with the figure."""
        written = BytesIO()
        self.savefig(written, format="png", dpi=self.get_dpi())
        return written.getvalue()
