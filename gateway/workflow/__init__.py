"""The workflow: the story of one drop, one module a chapter.

    admit      may this account drop this name here now?          (policy asked at OPEN and at CLOSE)
    intake     the one loop that takes closed uploads, claimed files and rescans
    receive    landed -> drop, payload, deadline, log line and receipt, in one transaction; only then OK
    judge      received -> examined by a worker -> decided: deliveries, verdict, technical report, in one transaction
    publish    report rows -> files in the outbox
    collect    pick-up: observed when read in full, confirmed when deleted or moved
    notify     mails owed in the transaction of what they tell of, sent by a loop of their own, given up aloud
    duties     what is due now: opening, reminders, withdrawal window, the desk's overview; asked by a tick
    chase      what was not collected, and what of ours is late or about to be
    missing    who has not, not fully, or not successfully delivered
    folders    what a user sees: status.json, LEESMIJ.txt, listings
    recover    folders and ledger compared after a crash; what `gateway doctor` shows
    mend       what `gateway doctor --repair` does about it

Does: joins ledger, spool, channels and policy; the only room that does. Each step can be killed after any line and done
again.
Touches: through store and channel alone.
Does not: speak SFTP, read clocks or choose engines: all that comes in a `Context`.
"""
