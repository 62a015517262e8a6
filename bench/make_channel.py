"""Writes a partner channel with its readings, the same one for the same arguments.

The tree is made first: partners of very different sizes to three levels, customers below them, units below some of these.
Then every tenant gets a day of birth between its parent's and now, and the tenants are numbered in the order of birth, as
tenants join a channel over years and in no order of the tree. That number is the one every engine is given.

Levels are small integers, half of them below 150, and a third of them change on a day (`--values small`). With
`--values bytes` the same levels are GiB, and every meter has another number of odd bytes every day, which no compression
can foresee: the worst that byte counts can be.

Files, all little-endian, columns one after another without padding (n = size / bytes of a row):

    tenants.bin   parent u32 * n, kind u8 * n, depth u8 * n        6 bytes a tenant; row i is tenant number i; tenant 0 is the
                                                                   root, its parent is 0xffffffff; a parent comes before
                                                                   its children; kind 0 root, 1 partner, 2 customer, 3 unit
    days/DDD.bin  tenant u32 * n, item u16 * n, value i64 * n      14 bytes a reading; sorted by (tenant, item), each pair
                                                                   once; items are 1 to 12; a meter is read every day from
                                                                   its first on; only customers and units have meters
    meta.json     tenants, days, values, readings, meters, inner (number of root and partners),
                  p5 (a partner with about 5 % of the tenants), tiny (a partner with 10 customers and no partner below),
                  first, last (days of the period reported on), before (the day before the last 30)
"""

import argparse
import json
import pathlib
import sys

import numpy as np

ROOT, PARTNER, CUSTOMER, UNIT = range(4)
NOBODY = 0xFFFFFFFF
GIB = 1 << 30


class Tree:
    """Tenants in the order of a walk from the root, each with the last one of its subtree."""

    def __init__(self, tenants, rng):
        self.rng = rng
        self.parent, self.kind, self.depth, self.last = [], [], [], []
        self.add(-1, ROOT, 0)
        for budget in shares(tenants - 1, 30 if tenants < 100_000 else 60, 0.8):
            self.partner(0, 1, int(budget))
        self.close(0)
        self.parent, self.last = np.array(self.parent, np.int64), np.array(self.last, np.int64)
        self.kind, self.depth = np.array(self.kind, np.uint8), np.array(self.depth, np.uint8)

    def add(self, parent, kind, depth):
        self.parent.append(parent)
        self.kind.append(kind)
        self.depth.append(depth)
        self.last.append(len(self.parent) - 1)
        return len(self.parent) - 1

    def close(self, tenant):
        self.last[tenant] = len(self.parent) - 1

    def partner(self, parent, depth, budget):
        me = self.add(parent, PARTNER, depth)
        budget -= 1
        if depth < 3 and budget > 60:
            below = int(budget * self.rng.uniform(0.6, 0.85))
            for share in shares(below, max(2, int(budget**0.5 * 0.9)), 0.9):
                self.partner(me, depth + 1, int(share))
            self.customers(me, depth + 1, budget - below)
        else:
            self.customers(me, depth + 1, budget)
        self.close(me)

    def customers(self, parent, depth, budget):
        while budget > 0:
            customer = self.add(parent, CUSTOMER, depth)
            budget -= 1
            if budget > 0 and self.rng.random() < 0.15:
                for _ in range(min(budget, int(self.rng.integers(1, 5)))):
                    self.add(customer, UNIT, depth + 1)
                    budget -= 1
            self.close(customer)

    def sample_partners(self):
        """The partner with about 5 % of the tenants, and the first one with ten customers alone."""
        size = self.last - np.arange(len(self.parent)) + 1
        inner = np.nonzero(self.kind <= PARTNER)[0]
        p5 = inner[np.argmin(np.abs(size[inner] - len(size) * 0.05))]

        def below(tenant, kind):
            return int((self.kind[tenant + 1 : self.last[tenant] + 1] == kind).sum())

        tiny = next(i for i in inner if below(i, CUSTOMER) == 10 and below(i, PARTNER) == 0)
        return int(p5), int(tiny)

    def numbers(self, rng):
        """The number of each tenant: its place in the order of birth."""
        age = rng.random(len(self.parent))
        birth = np.zeros(len(self.parent))
        for depth in range(1, int(self.depth.max()) + 1):
            at = np.nonzero(self.depth == depth)[0]
            after = birth[self.parent[at]]
            birth[at] = after + (1 - after) * (1 - age[at])
        number = np.empty(len(birth), np.int64)
        number[np.argsort(birth, kind="stable")] = np.arange(len(birth))
        return number


def shares(total, parts, skew):
    weight = 1 / np.arange(1, parts + 1) ** skew
    return np.maximum(1, (weight / weight.sum() * total).astype(int))


def write_tenants(path, tree, number):
    order = np.argsort(number)
    parent = tree.parent[order]
    parent = np.where(parent < 0, NOBODY, number[parent])
    assert (parent[1:] < np.arange(1, len(parent))).all(), "a parent comes before its children"
    with open(path, "wb") as file:
        file.write(parent.astype("<u4").tobytes())
        file.write(tree.kind[order].tobytes())
        file.write(tree.depth[order].tobytes())


def write_days(folder, tree, number, days, values, rng, odd_bytes):
    """Writes one file a day; gives the numbers of readings and of meters."""
    leaf = np.nonzero(tree.kind >= CUSTOMER)[0]
    row, column = np.nonzero(rng.random((len(leaf), 12)) < 0.4)
    tenant, item = number[leaf[row]], column + 1
    meters = len(tenant)
    start = np.where(rng.random(meters) < 0.03, rng.integers(0, days, meters), 0)
    level = np.minimum(rng.lognormal(5, 2, meters), 400_000).astype(np.int64) + 1
    step = np.maximum(1, level // 100)
    order = np.lexsort((item, tenant))
    readings = 0
    for day in range(days):
        if day:
            level = np.maximum(0, level + (rng.random(meters) < 0.35) * rng.integers(-2, 5, meters) * step)
        value = level if values == "small" else level * GIB + odd_bytes.integers(0, GIB, meters)
        read = order[start[order] <= day]
        with open(folder / f"{day:03}.bin", "wb") as file:
            file.write(tenant[read].astype("<u4").tobytes())
            file.write(item[read].astype("<u2").tobytes())
            file.write(value[read].astype("<i8").tobytes())
        readings += len(read)
    return readings, meters


def make(folder, tenants, days, values):
    """Writes the channel into `folder`; meta.json comes last, so that a folder with one is whole."""
    # Three sources of chance, so that neither the numbering nor the odd bytes change the tree or the levels.
    rng, numbering, odd_bytes = (np.random.default_rng(seed) for seed in (7, 8, 9))
    (folder / "days").mkdir(parents=True, exist_ok=True)
    tree = Tree(tenants, rng)
    number = tree.numbers(numbering)
    p5, tiny = (int(number[tenant]) for tenant in tree.sample_partners())
    write_tenants(folder / "tenants.bin", tree, number)
    readings, meters = write_days(folder / "days", tree, number, days, values, rng, odd_bytes)
    inner = int((tree.kind <= PARTNER).sum())
    meta = dict(tenants=len(number), days=days, values=values, readings=readings, meters=meters, inner=inner)
    meta |= dict(p5=p5, tiny=tiny, first=0, last=days - 1, before=max(0, days - 31))
    (folder / "meta.json").write_text(json.dumps(meta) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Writes a partner channel with its readings.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tenants", type=int, default=200_000, help="about; the tree's rounding gives some less")
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--values", choices=("small", "bytes"), default="small")
    args = parser.parse_args()
    sys.setrecursionlimit(100_000)
    make(args.folder, args.tenants, args.days, args.values)


if __name__ == "__main__":
    main()
