"""Cases: comparators."""

from diagnose.fidelity.case import Case

_COMPARATOR = "Minecraft Wiki, Redstone Comparator: usage (compare, subtract, signal strength)"
_SIDE = (
    "vanilla ComparatorBlock: sides read dust, diodes and redstone blocks (getControlInputSignal)"
)
_SIDES = (
    "vanilla SignalGetter.getControlInputSignal asks a side for dust, a redstone block, or strong "
    "power given sideways, which a torch, a button and a block do not give; the engine takes any"
)

CASES = (
    Case(
        "comparator passes its rear",
        "A comparator gives on what it gets from behind, 1 rt later.",
        ("bcP",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "comparator backwards",
        "A comparator carries one way.",
        ("b-C-P",),
        {"P": ""},
        _COMPARATOR,
        {"C": "comparator[facing=east]"},
    ),
    Case(
        "comparator keeps the strength",
        "A strength of 12 from behind reaches 12 dusts ahead.",
        (f"b----c{'-' * 12}P",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "comparator does not refresh",
        "A strength of 12 from behind does not reach 13 dusts ahead.",
        (f"b----c{'-' * 13}P",),
        {"P": ""},
        _COMPARATOR,
    ),
    Case(
        "comparator behind a block",
        "A comparator reads the strength of a weakly powered block: 12 dusts and no more.",
        (f"b----sc{'-' * 12}P",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "comparator behind a block, fading",
        "A comparator reads the strength of a weakly powered block, not 15.",
        (f"b----sc{'-' * 13}P",),
        {"P": ""},
        _COMPARATOR,
    ),
    Case(
        "compare, equal",
        "Comparing, a side as strong as the rear lets it pass.",
        ("..B. b-cP",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "compare, weaker rear",
        "Comparing, a side stronger than the rear blocks it.",
        ("...B. b--cP",),
        {"P": ""},
        _COMPARATOR,
    ),
    Case(
        "compare, weaker side",
        "Comparing, a weaker side takes nothing away: 15 dusts.",
        (f"..B{'.' * 18} ..-{'.' * 18} ..-{'.' * 18} b-c{'-' * 15}P",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "subtract, equal",
        "Subtracting, 15 less 15 is dark.",
        ("..B. b-mP",),
        {"P": ""},
        _COMPARATOR,
    ),
    Case(
        "subtract, side of 12",
        "Subtracting, 15 less 12 reaches 3 dusts.",
        ("..B..... ..-..... ..-..... ..-..... ..-..... b-m---P.",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "subtract, side of 12, fading",
        "Subtracting, 15 less 12 does not reach 4 dusts.",
        ("..B..... ..-..... ..-..... ..-..... ..-..... b-m----P",),
        {"P": ""},
        _COMPARATOR,
    ),
    Case(
        "subtract, stronger of two sides",
        "Of two sides the stronger counts: 15 less 14, from dust and dust.",
        ("..B... ..-... ..-... b-m-P. ..-... ..-... ..-... ..B...",),
        {"P": "1..13"},
        _COMPARATOR,
    ),
    Case(
        "side from a repeater",
        "A repeater at a comparator's side counts 15.",
        ("..B. ..v. b-mP",),
        {"P": ""},
        _SIDE,
    ),
    Case(
        "side from a comparator",
        "A comparator at a comparator's side counts what it gives.",
        ("..B. ..v. b-mP",),
        {"P": ""},
        _SIDE,
        {"v": "comparator[facing=north]"},
    ),
    Case(
        "side from a strongly powered block",
        "A powered block at a comparator's side does not count.",
        ("B>s. b-mP",),
        {"P": "1..13"},
        _SIDE,
        departs={"P": ""},
        why=_SIDES,
    ),
    Case(
        "side from a weakly powered block",
        "A weakly powered block at a comparator's side does not count either.",
        ("b-s. B>mP",),
        {"P": "on.."},
        _SIDE,
        departs={"P": "on..3 11.."},
        why=_SIDES,
    ),
    Case(
        "side from a torch",
        "A torch at a comparator's side does not count.",
        ("..i. b-mP",),
        {"P": "1..13"},
        _SIDE,
        departs={"P": ""},
        why=_SIDES,
    ),
    Case(
        "side from a button",
        "A button at a comparator's side does not count.",
        ("..b. B-mP",),
        {"P": "on.."},
        _SIDE,
        departs={"P": "on..3 11.."},
        why=_SIDES,
    ),
    Case(
        "side from a dark target",
        "A target at a comparator's side counts what it gives of its own, which is nothing.",
        ("..x. b-mP",),
        {"P": "1..13"},
        _SIDE,
    ),
)
