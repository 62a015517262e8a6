"""A channel as make_channel.py wrote it, in numpy arrays, with what every engine keeps of the tree."""

import json
import pathlib

import numpy as np

CUSTOMER, UNIT = 2, 3


class Channel:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.meta = json.loads((self.folder / "meta.json").read_text())
        raw = (self.folder / "tenants.bin").read_bytes()
        n = len(raw) // 6
        self.parent = np.frombuffer(raw, "<u4", n).astype(np.int64)
        self.parent[0] = -1
        self.kind = np.frombuffer(raw, "u1", n, 4 * n)

    def tenants(self):
        """id; customer, the one it is or belongs to, -1 for partners; partner, the one it is or is directly below."""
        number = np.arange(len(self.parent))
        top = np.where(self.kind == UNIT, self.parent, number)
        is_customer = self.kind[top] == CUSTOMER
        columns = dict(id=number, customer=np.where(is_customer, top, -1))
        columns["partner"] = np.where(is_customer, self.parent[top], top)
        return {name: column.astype(np.int32) for name, column in columns.items()}

    def above(self):
        """ancestor, partner: for the root and every partner, itself and each one above it; sorted so."""
        partner = np.nonzero(self.kind < CUSTOMER)[0]
        ancestor, pairs = partner, []
        while len(partner):
            pairs.append(np.stack((ancestor, partner)))
            ancestor = self.parent[ancestor]
            ancestor, partner = ancestor[ancestor >= 0], partner[ancestor >= 0]
        ancestor, partner = np.concatenate(pairs, axis=1).astype(np.int32)
        order = np.lexsort((partner, ancestor))
        return dict(ancestor=ancestor[order], partner=partner[order])

    def day(self, day):
        """tenant, item, value of one day, sorted by tenant and item."""
        raw = (self.folder / "days" / f"{day:03}.bin").read_bytes()
        n = len(raw) // 14
        tenant, item = np.frombuffer(raw, "<u4", n), np.frombuffer(raw, "<u2", n, 4 * n)
        return tenant.astype(np.int32), item.astype(np.int16), np.frombuffer(raw, "<i8", n, 6 * n)

    def readings(self, layout):
        """day, tenant, item, value of all days, sorted by (day, tenant, item), or by tenant first if that is the layout."""
        days = [self.day(day) for day in range(self.meta["days"])]
        day = np.concatenate([np.full(len(one[0]), number, np.int16) for number, one in enumerate(days)])
        tenant, item, value = (np.concatenate(column) for column in zip(*days))
        columns = dict(day=day, tenant=tenant, item=item, value=value)
        if layout == "tenant":
            order = np.lexsort((day, item, tenant))
            columns = {name: column[order] for name, column in columns.items()}
        return columns
