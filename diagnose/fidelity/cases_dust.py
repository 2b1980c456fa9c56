"""Cases: dust, its shapes and its slopes."""

from diagnose.fidelity.case import Case

_DUST = "Minecraft Wiki, Redstone Dust: behavior (signal strength falls by one a block)"
_SHAPE = "Minecraft Wiki, Redstone Dust: placement and shapes (what dust points at)"
_SLOPE = (
    "Minecraft Wiki, Redstone Dust: vertical lines; vanilla RedStoneWireBlock.getConnectingSide"
)
_GLASS = "vanilla RedStoneWireBlock.calculateTargetStrength: power comes down from conductors only"
_REPEATER = "Minecraft Wiki, Redstone Repeater: signal delay and transmission"

CASES = (
    Case("dust carries 15", "15 dusts carry.", (f"b{'-' * 15}P",), {"P": "0..12"}, _DUST),
    Case("dust fades at 16", "The 16th dust is dark.", (f"b{'-' * 16}P",), {"P": ""}, _DUST),
    Case(
        "a repeater refreshes",
        "A repeater gives full strength again: 15 more dusts.",
        (f"b{'-' * 15}>{'-' * 15}P",),
        {"P": "1..13"},
        _REPEATER,
    ),
    Case(
        "stairs of 15",
        "A step up or down takes one from the strength, as a step aside does.",
        ("b-s-s-s-s-s-s-s-P", "..-.-.-.-.-.-.-.."),
        {"P": "0..12"},
        _DUST,
    ),
    Case(
        "stairs of 16",
        "The 16th dust of a stair is dark.",
        ("b-s-s-s-s-s-s-s-s.", "..-.-.-.-.-.-.-.-P"),
        {"P": ""},
        _DUST,
    ),
    Case(
        "dust points ahead",
        "A line's end points ahead at a lamp, and not to its sides.",
        (".P. b-Q .R.",),
        {"P": "", "Q": "0..12", "R": ""},
        _SHAPE,
    ),
    Case(
        "dust that passes lamps",
        "Dust that runs past a lamp does not light it.",
        (".P.. b--- ..Q.",),
        {"P": "", "Q": ""},
        _SHAPE,
    ),
    Case(
        "dust that passes a block",
        "Dust that runs past a block does not power it.",
        (".P. .s. b--",),
        {"P": ""},
        _SHAPE,
    ),
    Case(
        "dust without connection",
        "Dust that connects to nothing is a cross and points everywhere.",
        (".P.. Q-sw .R..",),
        {"P": "0..12", "Q": "0..12", "R": "0..12"},
        _SHAPE,
        {"w": "stone_button[face=wall,facing=east]"},
    ),
    Case(
        "dust around a corner",
        "A corner points along its two arms only.",
        (".P. b-Q .-. .R.",),
        {"P": "", "Q": "", "R": "0..12"},
        _SHAPE,
    ),
    Case(
        "dust at a crossing",
        "Arms of a crossing all carry.",
        (".P. .-. b-- .-. .Q.",),
        {"P": "0..12", "Q": "0..12"},
        _SHAPE,
    ),
    Case(
        "dust at a T-junction",
        "A line with a branch carries on and into the branch.",
        ("b--Q .-.. .P..",),
        {"P": "0..12", "Q": "0..12"},
        _SHAPE,
    ),
    Case(
        "parallel lines join",
        "Two lines side by side connect, so their ends bend towards one another and light nothing.",
        ("b--P .--Q",),
        {"P": "", "Q": ""},
        _SHAPE,
    ),
    Case(
        "dust has no diagonals",
        "Dust diagonally beside dust is not connected.",
        ("b-.. ..-P",),
        {"P": ""},
        _SHAPE,
    ),
    Case(
        "dust and what lies above and below",
        "Dust powers no lamp above it.",
        ("b--P", ".Q.."),
        {"P": "0..12", "Q": ""},
        _SHAPE,
    ),
    Case(
        "dust beside a repeater",
        "Dust does not turn to a repeater's side: its line still points ahead.",
        (".^. b-P",),
        {"P": "0..12"},
        "vanilla RedStoneWireBlock.shouldConnectTo: a repeater's two ends only",
        {"^": "repeater[facing=west]"},
    ),
    Case(
        "dust beside a comparator",
        "Dust turns to a comparator on any side, so its line bends and misses the lamp ahead.",
        (".c. b-P",),
        {"P": ""},
        "vanilla RedStoneWireBlock.shouldConnectTo: every other source of signal",
    ),
    Case(
        "dust beside an observer's side",
        "Dust does not turn to an observer's side.",
        (".o. b-P",),
        {"P": "0..12"},
        "vanilla RedStoneWireBlock.shouldConnectTo: an observer's back only",
    ),
    Case("slope up", "Dust climbs one block.", ("b-s.", "..-P"), {"P": "0..12"}, _SLOPE),
    Case("slope down", "Dust comes down one block.", ("ss-P", "b-.."), {"P": "0..12"}, _SLOPE),
    Case("two up", "Dust does not climb two blocks.", ("b-s", "..s", "..-P"), {"P": ""}, _SLOPE),
    Case(
        "slope up under a block",
        "A conductor above the lower dust cuts the slope.",
        ("b-s.", ".s-P"),
        {"P": ""},
        _SLOPE,
    ),
    Case(
        "slope up under a lamp",
        "A lamp above the lower dust cuts the slope.",
        ("b-s.", ".Q-P"),
        {"P": "", "Q": ""},
        _SLOPE,
    ),
    Case(
        "slope up under a target",
        "A target above the lower dust cuts the slope.",
        ("b-s.", ".x-P"),
        {"P": ""},
        _SLOPE,
    ),
    Case(
        "slope up under glass",
        "Glass above the lower dust cuts nothing.",
        ("b-s.", ".g-P"),
        {"P": "0..12"},
        _SLOPE,
    ),
    Case(
        "slope up under an observer",
        "An observer is no conductor and cuts no slope.",
        ("b-s.", ".o-P"),
        {"P": "0..12"},
        _SLOPE,
        {"o": "observer[facing=up]"},
    ),
    Case(
        "slope down beside a block",
        "A conductor above the lower dust cuts the way down, too.",
        ("ss-P", "b-s."),
        {"P": ""},
        _SLOPE,
    ),
    Case(
        "slope down beside glass",
        "Glass above the lower dust leaves the way down open.",
        ("ss-P", "b-g."),
        {"P": "0..12"},
        _SLOPE,
    ),
    Case("up onto glass", "Power climbs onto glass.", ("b-g.", "..-P"), {"P": "0..12"}, _GLASS),
    Case(
        "down from glass",
        "Power does not come down from glass.",
        ("sg-P", "b-.."),
        {"P": ""},
        _GLASS,
    ),
    Case(
        "up onto a redstone block",
        "A block of redstone is no conductor, but holds dust, and powers it.",
        ("b-B.", "..-P"),
        {"P": "on.."},
        _SLOPE,
    ),
    Case(
        "down from an observer",
        "An observer holds dust and is no conductor: power does not come down from it.",
        ("so-P", "b-.."),
        {"P": ""},
        _GLASS,
        {"o": "observer[facing=north]"},
    ),
    Case(
        "up onto a target", "Dust climbs onto a target.", ("b-x.", "..-P"), {"P": "0..12"}, _SLOPE
    ),
)
