"""Cases: redstone blocks, targets, torches, observers."""

from diagnose.fidelity.case import Case

_CONDUCT = "Minecraft Wiki, Redstone mechanics: conductivity"
_TORCH = "Minecraft Wiki, Redstone Torch: redstone component"
_BURNOUT = (
    "Minecraft Wiki, Redstone Torch: burn-out; vanilla RedstoneTorchBlock (8 in 60 game ticks)"
)
_BLOCK = "Minecraft Wiki, Block of Redstone: redstone component"
_OBSERVER = "Minecraft Wiki, Observer: behavior; vanilla ObserverBlock (on after 2, off after 2)"
_TARGET = "Minecraft Wiki, Target: redirecting redstone; vanilla RedStoneWireBlock.shouldConnectTo"
_ORDER = "vanilla ObserverBlock.tick: its own switching off is scheduled before its neighbours'"

CASES = (
    Case(
        "redstone block",
        "A block of redstone powers dust and lamps beside it, always.",
        ("b.B-P ..Q..",),
        {"P": "on..", "Q": "on.."},
        _BLOCK,
    ),
    Case(
        "redstone block and a block",
        "A block of redstone powers no block beside it, so nothing beyond.",
        ("b.BsP",),
        {"P": ""},
        _BLOCK,
    ),
    Case(
        "redstone block under dust",
        "Dust on a block of redstone is powered.",
        ("b.B.", "..-P"),
        {"P": "on.."},
        _BLOCK,
    ),
    Case(
        "redstone block does not conduct",
        "A block of redstone is no conductor: a repeater before it powers nothing beyond.",
        ("b>BsP",),
        {"P": ""},
        _CONDUCT,
    ),
    Case(
        "target conducts",
        "A target is a conductor: strongly powered by a repeater it powers dust.",
        ("b>x-P",),
        {"P": "1..13"},
        _TARGET,
    ),
    Case(
        "target beside a line of dust",
        "Dust turns to a target beside it and powers it; beside stone it does not.",
        (".Q. .x. b-- .s. .P.",),
        {"Q": "0..12", "P": ""},
        _TARGET,
    ),
    Case(
        "target at the side bends the line",
        "A line's end that meets a target at its side points there and no longer ahead.",
        (".x. b-P",),
        {"P": ""},
        _TARGET,
    ),
    Case(
        "target gives no power of its own",
        "A target that nothing hits and nothing powers gives none.",
        ("b.xP",),
        {"P": ""},
        _TARGET,
    ),
    Case(
        "torch on a weakly powered block",
        "A torch goes dark 1 rt after the block it hangs on is powered, and lights 1 rt after.",
        ("b-stP",),
        {"P": "on..3 11.."},
        _TORCH,
    ),
    Case(
        "torch on a strongly powered block",
        "A strongly powered block puts a torch out, too.",
        ("b>stP",),
        {"P": "on..4 12.."},
        _TORCH,
    ),
    Case(
        "torch on the button's block",
        "The block a button hangs on puts its torch out.",
        ("Ptsw",),
        {"P": "on..3 11.."},
        _TORCH,
        {
            "t": "redstone_wall_torch[facing=west]",
            "w": "stone_button[face=wall,facing=east]",
        },
    ),
    Case(
        "torch on top of a block",
        "A standing torch inverts the block below it.",
        ("b-s.", "..iP"),
        {"P": "on..3 11.."},
        _TORCH,
    ),
    Case(
        "torch under dust's block",
        "Dust powers the block it lies on, which puts out the torch on its side.",
        ("gstP", "b-.."),
        {"P": "on..3 11.."},
        _TORCH,
    ),
    Case(
        "torch below a block",
        "A torch strongly powers the block above it: dust beside that block is powered.",
        ("b-s", ".gi", "P-s"),
        {"P": "on..3 11.."},
        _TORCH,
    ),
    Case(
        "torch beside a block",
        "A torch powers no block at its side.",
        ("b.is-P",),
        {"P": ""},
        _TORCH,
    ),
    Case(
        "torch below a lamp",
        "A torch lights the lamp above it.",
        ("b.i", "..P"),
        {"P": "on.."},
        _TORCH,
    ),
    Case(
        "torch on the side of a lamp",
        "A torch does not power the block it hangs on, here a lamp.",
        ("b.Pt",),
        {"P": ""},
        _TORCH,
    ),
    Case(
        "torch on top of a lamp",
        "A torch does not power the block it stands on, here a lamp.",
        ("b.P", "..i"),
        {"P": ""},
        "Minecraft Wiki, Redstone Torch: redstone component; vanilla RedstoneTorchBlock.getSignal "
        "(none downwards)",
    ),
    Case(
        "two torches",
        "Two torches in a row give the pulse back, 2 rt later.",
        ("b-st-stP",),
        {"P": "2..14"},
        _TORCH,
    ),
    Case(
        "torch burnout",
        "A torch that goes dark for the eighth time within 30 rt burns out. The press sets a "
        "latch, which lets go of a torch that feeds itself back through a repeater: 2 rt lit, "
        "2 rt dark. The lamp's own 2 rt end in the tick in which the torch lights it again.",
        (".......-<-. b->--st-xtP .---.......",),
        {"P": " ".join(f"{2 + 4 * turn}..{6 + 4 * turn}" for turn in range(8))},
        _BURNOUT,
        watch_rt=100,
        departs={"P": " ".join(f"{2 + 4 * turn}..{6 + 4 * turn}" for turn in range(24)) + " 98.."},
        why="vanilla RedstoneTorchBlock counts how often a torch went dark in the last 60 game "
        "ticks (the eighth time comes 56 after the first); the engine does not count",
    ),
    Case(
        "torch burnout without delay",
        "The same torch, fed back by dust alone, lights and goes dark each rt, until it burns out.",
        (".......---. b->--st-xtP .---.......",),
        {"P": "2..19"},
        _BURNOUT,
        watch_rt=100,
        departs={"P": "2.."},
        why="vanilla LevelTicks takes a tick off its list before running it, so a torch that "
        "powers its own block while it lights asks for its next tick; the engine lets it not",
    ),
    Case(
        "observer of a button",
        "An observer gives 1 rt of power, 1 rt after what it watches changes: press and release.",
        ("boP",),
        {"P": "1..4 11..14"},
        _OBSERVER,
    ),
    Case(
        "observer of dust",
        "An observer sees dust change its strength.",
        ("b-oP",),
        {"P": "1..4 11..14"},
        _OBSERVER,
    ),
    Case(
        "observer of a lamp",
        "An observer sees a lamp switch on and off.",
        ("bPoQ",),
        {"P": "0..12", "Q": "1..4 13..16"},
        _OBSERVER,
        departs={"Q": ""},
        why="vanilla RedstoneLampBlock sets its state with flag 2, which tells the neighbours of "
        "the new shape, and an observer hears that; in the engine it hears nothing of lamps",
    ),
    Case(
        "observer of an observer",
        "An observer that watches another gives its pulse 1 rt later, once per pulse.",
        ("booP",),
        {"P": "2..5 12..15"},
        _OBSERVER,
    ),
    Case(
        "observer upwards",
        "An observer that watches the dust below it gives upwards.",
        ("b-", ".o", ".P"),
        {"P": "1..4 11..14"},
        _OBSERVER,
        {"o": "observer[facing=down]"},
    ),
    Case(
        "observer powers a block",
        "An observer strongly powers the block behind it.",
        ("bos-P",),
        {"P": "1..4 11..14"},
        _OBSERVER,
    ),
    Case(
        "observer gives backwards only",
        "An observer gives nothing to its sides.",
        (".P. boQ",),
        {"P": "", "Q": "1..4 11..14"},
        _OBSERVER,
    ),
    Case(
        "observer does not conduct",
        "An observer is no conductor: dust that points at it powers nothing beyond.",
        ("b-oP",),
        {"P": ""},
        _CONDUCT,
        {"o": "observer[facing=north]"},
    ),
    Case(
        "observer and a torch",
        "A pulse of an observer is too short for a torch: it is over when the torch looks.",
        ("bostP",),
        {"P": "on.."},
        _ORDER,
    ),
    Case(
        "observer and a comparator",
        "A pulse of an observer is too short for a comparator that gives to no other.",
        ("bocP",),
        {"P": ""},
        _ORDER,
    ),
)
