"""Cases: repeaters."""

from diagnose.fidelity.case import Case

_REPEATER = "Minecraft Wiki, Redstone Repeater: signal delay and transmission"
_LOCK = "Minecraft Wiki, Redstone Repeater: signal locking; vanilla RepeaterBlock.isLocked"
_SHORT = "vanilla DiodeBlock.tick: what turned on without power turns off after its delay"

CASES = (
    *(
        Case(
            f"repeater, delay {delay}",
            f"A repeater set to {delay} delays both edges by {delay} rt.",
            (f"b{'>' if delay == 1 else delay}P",),
            {"P": f"{delay}..{delay + 12}"},
            _REPEATER,
        )
        for delay in (1, 2, 3, 4)
    ),
    Case(
        "repeaters in a row",
        "Delays add up.",
        ("b3-42>P",),
        {"P": "10..22"},
        _REPEATER,
    ),
    Case("repeater backwards", "A repeater carries one way.", ("b-<-P",), {"P": ""}, _REPEATER),
    Case(
        "repeater gives ahead only",
        "A repeater powers nothing at its sides.",
        (".P. b>Q .R.",),
        {"P": "", "Q": "1..13", "R": ""},
        _REPEATER,
    ),
    Case(
        "repeater ignores dust at its side",
        "Dust that points at a repeater's side neither powers nor locks it.",
        ("---. b.-. -->P",),
        {"P": "1..13"},
        _REPEATER,
    ),
    Case(
        "side dust alone",
        "Power at a repeater's side alone does not switch it on.",
        (".b. .-. .>P",),
        {"P": ""},
        _REPEATER,
    ),
    Case(
        "repeater reads a redstone block",
        "A block of redstone behind a repeater keeps it on.",
        ("b.B>P",),
        {"P": "on.."},
        _REPEATER,
    ),
    *(
        Case(
            f"short pulse through delay {delay}",
            "A repeater stretches a pulse shorter than its delay to its delay.",
            (f"bo{'>' if delay == 1 else delay}P",),
            {"P": f"{1 + delay}..{3 + 2 * delay} {11 + delay}..{13 + 2 * delay}"},
            _SHORT,
        )
        for delay in (1, 2, 3, 4)
    ),
    Case(
        "lock holds off",
        "A repeater that another holds from the side while dark stays dark until released; it then "
        "gives the shortest pulse, as its input ends in the same tick.",
        (".---. .-.v. b-2>P",),
        {"P": "12..15"},
        _LOCK,
    ),
    Case(
        "lock holds on",
        "A repeater that another holds from the side while lit stays lit until released.",
        (".---. .-.v. b-->P",),
        {"P": "1..17"},
        _LOCK,
        {"v": "repeater[facing=north,delay=4]"},
    ),
    Case(
        "lock by a comparator",
        "A comparator at a repeater's side locks it, too.",
        (".---. .-.v. b-2>P",),
        {"P": "12..15"},
        _LOCK,
        {"v": "comparator[facing=north]"},
    ),
    Case(
        "an unpowered neighbour locks nothing",
        "A dark repeater that points at a repeater's side does not lock it.",
        ("..v. b->P",),
        {"P": "1..13"},
        _LOCK,
    ),
    Case(
        "a neighbour that points away locks nothing",
        "A lit repeater beside a repeater that does not point at it does not lock it.",
        (".->. b->P",),
        {"P": "1..13"},
        _LOCK,
    ),
)
