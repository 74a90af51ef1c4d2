"""gateway: the file-drop gateway for Dutch municipalities.

A municipality drops a file over SFTP or in a watch folder (edge). When it is whole it lands in the inbox by one rename
(store.spool), and one transaction makes it a drop with a receipt and a due date (workflow, store.ledger); only then the
client hears OK. A worker process reads and checks it (workers, examine, domain), a second transaction writes the
verdict, and the reports (reports, texts) are laid in the outbox, where the municipality collects them. The inbox is a
landing place, the ledger is the truth, the outbox is a view, an event is a hint.

Does: holds the rooms, and the version. Imports go down only:

    cli > daemon | client > edge > workflow > channel | store | workers > examine | config > reports > domain > errors

Touches: nothing by itself.
Does not: import any of its rooms; each is loaded by who needs it.
"""

__version__ = "0.1.0"
