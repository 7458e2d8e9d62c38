"""As whom the embedded database runs: PostgreSQL refuses root, so root lends it to `nobody`."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.runway.errors import ClusterFailed


@dataclass(frozen=True)
class Account:
    """A user of this machine and whether we must change to it first."""

    uid: int
    gid: int
    is_lent: bool

    def switch(self) -> dict[str, Any]:
        """Arguments of `subprocess.run` that change to this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_lent else {}

    def own(self, path: Path) -> None:
        if self.is_lent:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """May this account reach what lies in `folder`? Looks at every parent, as the kernel does."""
        if not self.is_lent:
            return True
        folder = folder.resolve()
        return all(self._may_search(step) for step in (folder, *folder.parents) if step.exists())

    def _may_search(self, folder: Path) -> bool:
        info = folder.stat()
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid == self.gid:
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)


def account_for(data: Path) -> Account:
    """The account that runs PostgreSQL on `data`: ourselves, or, as root, the folder's owner or `nobody`."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_lent=False)
    if data.is_dir() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(owner.st_uid, owner.st_gid, is_lent=True)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ClusterFailed(
            "PostgreSQL does not run as root and this machine has no user `nobody`: run as an ordinary user."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid, is_lent=True)
