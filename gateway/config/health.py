"""The section `health` of gateway.yaml: when `gateway health` is red, and the desk and the operators are mailed.

Does: defines it.
Touches: nothing.
Does not: judge (workflow.health).
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

Minutes = Annotated[int, Field(ge=1, le=100_000)]


class Health(BaseModel, frozen=True, extra="forbid"):
    """From when on something that waits is trouble."""

    waiting_minutes: Minutes = Field(
        default=10,
        description="a file that was received and not checked, landed and not received, or a report not placed",
    )
    mail_minutes: Minutes = Field(default=60, description="a mail that the server did not take so far")
    free_megabytes: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        default=1000, description="free space that each data folder must have"
    )
    certificate_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=21, description="days that certificates of ours must still be good for"
    )
    backups: Path | None = Field(
        default=None, description="folder into which gateway backup writes; looked after if set"
    )
    backup_hours: Minutes = Field(default=26, description="age of the newest backup there")
