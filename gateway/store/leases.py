"""Leases: does anybody on this machine have a file open for writing?

Does: takes a read lease (fcntl F_SETLEASE), which the kernel gives only while nobody writes the file, and tells whether
somebody asked to write it since; knows the file systems of which a lease says nothing.
Touches: the descriptors it is given.
Does not: wait. A lease ends when its descriptor is closed; until then whoever opens the file for writing waits, and the
process gets SIGIO, which ends one that does not expect it.

Source: fcntl(2), "Leases"; proc(5), /proc/pid/mountinfo.
"""

import errno
import fcntl

NO_LEASES = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS})
# A lease is this machine's affair. Where another machine may write too it proves nothing, and NFS answers "somebody
# writes" when it only means that it does not know.
NETWORK = frozenset(
    (
        *("afs", "ceph", "coda", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"),
        *("cifs", "smb3", "smbfs", "9p", "vboxsf", "virtiofs", "vmhgfs"),
    )
)


def take(descriptor: int) -> bool | None:
    """True: nobody writes the file, and who wants to must wait; False: somebody does; None: leases cannot tell here."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        if error.errno in NO_LEASES:
            return None
        raise
    return True


def broken(descriptor: int) -> bool:
    """Whether somebody wants to write the file since the lease was taken."""
    return fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK


def network_devices(mountinfo: str) -> frozenset[tuple[int, int]]:
    """Major and minor number of each mounted file system that other machines may write, from the text of mountinfo."""
    found = set()
    for line in mountinfo.splitlines():
        mounted, _, about = line.partition(" - ")
        kind = about.partition(" ")[0]
        numbers = mounted.split(" ")[2:3]
        if numbers and (kind in NETWORK or kind.partition(".")[0] == "fuse"):
            major, _, minor = numbers[0].partition(":")
            found.add((int(major), int(minor)))
    return frozenset(found)
