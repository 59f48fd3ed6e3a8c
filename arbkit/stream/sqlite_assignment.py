"""Who reads which partition: spread evenly, and moved as little as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arbkit.stream.base import TopicPartition

__all__ = ["assign"]


def assign(
    holders: Mapping[TopicPartition, str | None], members: Mapping[str, Iterable[str]]
) -> dict[TopicPartition, str | None]:
    """Partition → the member that should have it; None where nobody reads that topic.

    Within a topic no member has two partitions more than another. A member keeps what it holds unless
    balance asks otherwise. The same input always gives the same answer.

    Args:
        holders: every partition and its member so far, or None; one who is gone counts as None.
        members: member → the topics it reads.
    """
    readers: dict[str, list[str]] = {}
    for member in sorted(members):
        for topic in members[member]:
            readers.setdefault(topic, []).append(member)
    total = dict.fromkeys(members, 0)
    targets: dict[TopicPartition, str | None] = {}
    for topic in sorted({place.topic for place in holders}):
        places = sorted(place for place in holders if place.topic == topic)
        targets |= _spread({place: holders[place] for place in places}, readers.get(topic, []), total)
    return targets


def _spread(
    holders: Mapping[TopicPartition, str | None], members: list[str], total: dict[str, int]
) -> dict[TopicPartition, str | None]:
    """One topic's partitions over its members; ``total`` counts over all topics and breaks ties."""
    if not members:
        return dict.fromkeys(holders)
    held: dict[str, list[TopicPartition]] = {member: [] for member in members}
    orphans = []
    for place, holder in holders.items():
        if holder in held:
            held[holder].append(place)
            total[holder] += 1
        else:
            orphans.append(place)

    def load(member: str) -> tuple[int, int]:
        return len(held[member]), total[member]

    for place in orphans:
        least = min(members, key=load)
        held[least].append(place)
        total[least] += 1
    while len(held[most := max(members, key=load)]) - len(held[least := min(members, key=load)]) > 1:
        held[least].append(held[most].pop())
        total[most] -= 1
        total[least] += 1
    return {place: member for member, places in held.items() for place in places}
