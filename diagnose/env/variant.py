"""Variants of the world: the same physics under other names, so that memory is told from finding.

``vanilla`` is the world as Minecraft names it. In ``renamed`` every block, and every property that
would give it away, bears a nonsense name. In ``permuted`` the names are swapped among blocks, so
that what is remembered of a name misleads. Names are drawn from the study's seed: one set a study.

The variant is a layer at the boundary. Worlds, judges, records and experiments know nothing of it:
``block`` reads what a subject places, ``hear`` what it says, ``tell`` is what it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

from diagnose.env.blocks import NAMESPACE, PALETTE, Block, Property, block_text, read_block
from diagnose.env.layer import LETTERS
from diagnose.env.terms import NOUNS, PLAIN, REDSTONE, Terms, quoted, unmarked
from diagnose.errors import InputError, SubjectError
from diagnose.seeds import stream

KINDS = ("vanilla", "renamed", "permuted")
# Three words for each consonant, none of which means anything; a world uses an initial once.
STOCK = (
    "blorn bavik brenth cruvel cadrim clonvek drusk dovim dalpen frenn fadrok flimvar grolt gavlin "
    "gurpen hadrel hovnik hulmar jarnik jelvor jombrel kelsor kevlim kordan lurvik lodrem levtar "
    "morvek milgan mudrel nolvik nadrum nempar plovik pavren pundor quorl quavim quemdal rovlin "
    "radnek rulmep snorv savdil sulkrem tavnel tordik trulven vorn vadlik velmor wolnek wadrin "
    "wulbem"
).split()
_PROPERTIES = ("delay", "mode", "compare", "subtract")
# Within a group blocks take the same settings, or some that look alike, so a swap does not show.
# The button keeps its name: a task speaks of it, and it must be known what to press.
_GROUPS = (
    (
        "stone",
        "glass",
        "redstone_wire",
        "redstone_torch",
        "redstone_block",
        "target",
        "redstone_lamp",
    ),
    ("repeater", "comparator"),
    ("redstone_wall_torch", "observer"),
)


@dataclass(frozen=True)
class Variant:
    """One naming of the world's things; made by ``variant``."""

    kind: str
    seed: int = 0  # of the study; the names follow from it

    @cached_property
    def terms(self) -> Terms:
        """How things are called in it."""
        if self.kind == "renamed":
            return _renamed(self.seed)
        return _permuted(self.seed) if self.kind == "permuted" else PLAIN

    @property
    def plain(self) -> bool:
        """Whether things bear their own names."""
        return self.kind == "vanilla"

    @cached_property
    def palette(self) -> Mapping[str, Block]:
        """The blocks by the names they bear, with the properties that a builder sets.

        Not vanilla: sorted by name, as the order of the palette would tell what is what.
        """
        if self.plain:
            return PALETTE
        blocks = {"air": PALETTE["air"]}
        for block, (name, _, _) in self.terms.names.items():
            properties = {
                self._said(key): Property(
                    tuple(map(self._said, prop.values)), self._said(prop.default)
                )
                for key, prop in PALETTE[block].properties.items()
                if prop.resting is None
            }
            blocks[name] = Block(MappingProxyType(properties))
        return MappingProxyType(dict(sorted(blocks.items())))

    @cached_property
    def letters(self) -> Mapping[str, str]:
        """The letters that stand for blocks on a map, by the blocks' own names."""
        names = {block: name for block, (name, _, _) in self.terms.names.items()}
        if self.kind == "renamed":
            return {block: name[0] for block, name in names.items()}
        return {block: LETTERS[name] for block, name in names.items()}

    def tell(self, text: str) -> str:
        """Return a text of the host as a subject reads it."""
        return unmarked(text) if self.plain else self.terms.tell(text)

    def hear(self, text: str) -> str:
        """Return what a subject says in the host's words."""
        return text if self.plain else self.terms.hear(text)

    def block(self, text: object) -> object:
        """Return a block that a subject names, by its own name; what is no text passes as it is.

        Raises:
            SubjectError: no such name or setting in this world.
        """
        if self.plain or not isinstance(text, str):
            return text
        return _own_block(self, text)

    def _said(self, word: str) -> str:
        return self.terms.words.get(word, word)

    @cached_property
    def _meant(self) -> Mapping[str, str]:
        """Every name, property and value of this world -> what it is in the plain one."""
        meant = {said: word for word, said in self.terms.words.items()}
        return meant | {name: block for block, (name, _, _) in self.terms.names.items()}


VANILLA = Variant("vanilla")


@lru_cache(maxsize=64)
def variant(kind: str, seed: int) -> Variant:
    """Return the variant ``kind`` of a study with ``seed``.

    Raises:
        InputError: no such kind.
    """
    if kind not in KINDS:
        raise InputError("env", kind, f"choose one of {', '.join(KINDS)}")
    return VANILLA if kind == "vanilla" else Variant(kind, seed)


@lru_cache(maxsize=4096)
def _own_block(where: Variant, text: str) -> str:
    try:
        name, values = read_block(text.removeprefix(NAMESPACE), where.palette)
    except InputError as error:  # it speaks in this world's names already
        raise SubjectError(quoted(str(error))) from error
    # Values that are shared by several properties, such as north, mean themselves.
    own = {where._meant.get(key, key): where._meant.get(v, v) for key, v in values.items()}
    return block_text(where._meant.get(name, name), own)


def _renamed(seed: int) -> Terms:
    rng = stream(seed, "variant", "renamed")
    initials = sorted({word[0] for word in STOCK})
    order = [initials[int(place)] for place in rng.permutation(len(initials))]
    drawn = iter(
        [word for word in STOCK if word[0] == initial][int(rng.integers(3))] for initial in order
    )
    names = {block: (word, word, word) for block, word in zip(NOUNS, drawn, strict=False)}
    return Terms(names, dict(zip((REDSTONE, *_PROPERTIES), drawn, strict=False)))


def _permuted(seed: int) -> Terms:
    rng = stream(seed, "variant", "permuted")
    bears = {block: block for block in NOUNS}
    for group in _GROUPS:
        # A random cycle leaves no name where it was.
        cycle = [group[int(place)] for place in rng.permutation(len(group))]
        bears |= dict(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    return Terms({block: (name, *NOUNS[name]) for block, name in bears.items()}, {})
