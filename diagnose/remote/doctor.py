"""What is wrong with a study's objects, and mending what loses nothing."""

from dataclasses import dataclass
from pathlib import Path

from diagnose.remote.address import Address
from diagnose.remote.keeper import take_header
from diagnose.remote.mirror import CONFLICTS, listed, mirror, set_aside
from diagnose.remote.objects import Objects
from diagnose.remote.segments import Segment
from diagnose.remote.sender import Sender, own_homes

ASIDE = "torn"  # where objects that are damaged are moved


@dataclass(frozen=True)
class RemoteFault:
    """One thing that is wrong with a study at an address."""

    what: str
    mend: str = ""  # what --repair does about it; empty: nothing, as something would be lost
    name: str = ""  # the object
    sender: Sender | None = None  # of the part that sends it again


def examine(address: Address) -> tuple[Path, list[RemoteFault]]:
    """Fetch everything anew; return the spool and what is wrong with the objects.

    Raises:
        StoreError: no study is there, or the store does not answer.
    """
    objects, folder = Objects(address), address.folder()
    take_header(objects, folder)
    senders = {
        home: Sender(objects, folder, place, home.rpartition(".")[0])
        for home, place in own_homes(folder).items()
    }
    damaged = {one.name: one.what for one in mirror(objects, folder, senders, anew=True)}
    whole, _ = listed(objects)
    for segment in whole:
        if segment.home in senders and (fault := segment.fault(objects.read(segment.name))):
            damaged[segment.name] = fault
    faults = []
    for name, what in sorted(damaged.items()):
        one = Segment.parse(name)
        sender = senders.get(one.home) if one else None
        mend = "moved to torn/; what it held is sent again" if sender else ""
        if one and not sender:
            mend = "moved to torn/; its episodes run again, if no one else sends them"
        faults.append(RemoteFault(f"{name} {what}", mend, name, sender))
    for home, sender in senders.items():
        sender.reconcile({one.name: one.size for one in whole if one.name not in damaged})
        if left := sender.pending():
            told = f"{home}: {left:,} bytes of it are in {sender.home} only"
            faults.append(RemoteFault(told, "sent", sender=sender))
    for path, count in set_aside(folder).items():
        what = "episodes that another machine recorded otherwise" if path.name == CONFLICTS else ""
        what = what or "lines that are no record"
        told = f"{path.parent.name}: {count:,} {what}, set aside in {path}"
        faults.append(RemoteFault(told))
    return folder, faults


def repair(address: Address, faults: list[RemoteFault]) -> None:
    """Mend what can be: nothing is thrown away, a damaged object goes to ``torn/``.

    Raises:
        UnreachableError: the store did not answer.
    """
    objects = Objects(address)
    for fault in faults:
        if fault.name and fault.mend:
            data = objects.read(fault.name)
            if data is not None:
                objects.write(f"{ASIDE}/{fault.name}", data)
            objects.remove([fault.name])
    for sender in {id(one.sender): one.sender for one in faults if one.sender}.values():
        sender.send()
