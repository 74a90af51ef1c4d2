"""The workflow: the story of one drop, one module a chapter.

    admit      may this account drop this name here now?          (policy asked at OPEN and at CLOSE)
    intake     the one loop that takes closed uploads, claimed files and rescans
    receive    landed -> drop, payload, deadline, log line and receipt, in one transaction; only then OK
    judge      received -> examined by a worker -> decided: deliveries, verdict, technical report, in one transaction
    publish    report rows -> files in the outbox
    collect    pick-up: observed when read in full, confirmed when deleted or moved
    folders    what a user sees: status.json, LEESMIJ.txt, listings
    recover    folders and ledger compared after a crash; what `gateway doctor` shows

Does: joins ledger, spool, channels and policy; the only room that does. Each step can be killed after any line and done
again.
Touches: through store and channel alone.
Does not: speak SFTP, read clocks or choose engines: all that comes in a `Context`.
"""
