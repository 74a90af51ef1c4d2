"""One data file out of an upload that was examined before.

Does: finds the file by the checksum that the examination gave it, unpacking no more than its size.
Touches: nothing.
Does not: judge an archive (reader does, in a worker): this is only for what was approved there, whose structure was
found to be plain. What is not exactly the file asked for is an error.
"""

import hashlib
import io
import zipfile
import zlib

from gateway.errors import Corrupt


def data_file(payload: bytes, sha256: str, most: int) -> bytes:
    """The bytes with this SHA-256: the upload itself or a member of it, at most `most` long. Corrupt when there are
    none such."""
    if hashlib.sha256(payload).hexdigest() == sha256:
        return payload
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            for entry in archive.infolist():
                if entry.file_size > most:
                    continue
                with archive.open(entry) as packed:
                    body = packed.read(entry.file_size + 1)
                if hashlib.sha256(body).hexdigest() == sha256:
                    return body
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise Corrupt("an upload that was approved cannot be unpacked") from error
    raise Corrupt("an upload that was approved does not hold the file that was approved")
