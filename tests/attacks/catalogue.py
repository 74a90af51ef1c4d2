"""The catalogue: every attack, what it does, and what it must meet.

Does: names them, in the order of the table.
Touches: nothing.
Does not: run them.
"""

from tests.attacks import after_login, before_login, credentials, one_by_one, who
from tests.attacks.ground import Attack

NOT_IN = ("not_logged_in", "connection_refused", "connection_banned", "banned", "login_failed")
# What comparisons with a hash take (argon2id, RFC 9106, 64 MiB each): two at a time, whoever asks.
HASH = 2 * 64 * 1024 * 1024
REFUSED = ("request_refused", "path_refused", "refused", "session_broken")

ATTACKS: tuple[Attack, ...] = (
    Attack("none", "only the other client, to compare with", "-", before_login.nothing, ()),
    Attack("connections, one address", "connections that say nothing, held", "a share of the places, not all",
           before_login.flood_from_one_address, ("connection_refused",)),
    Attack("connections, many addresses", "all places before login taken from many networks", "others find a place",
           before_login.flood_from_many_addresses, ("place_taken", "connection_refused")),
    Attack("connect and hang up", "thousands of connections a minute", "the network is kept out",
           before_login.churn, ("banned",)),
    Attack("slow banner", "a byte each tenth of a second", "closed by the login grace",
           before_login.slow_banner, NOT_IN),
    Attack("half a key exchange", "begun and never ended", "closed by the login grace",
           before_login.half_exchange, NOT_IN),
    Attack("key exchanges", "one after the other, a signature each", "the network is kept out",
           before_login.exchange_flood, NOT_IN),
    Attack("wrong keys", "thirty keys a connection", "cut off, then kept out",
           before_login.key_flood, ("login_failed",)),
    Attack("order, before key exchange", "every message number first", "closed",
           before_login.order_before_exchange, NOT_IN),
    Attack("order, before login", "every message number before login", "closed, nothing opens",
           before_login.order_before_login, NOT_IN),
    Attack("messages before login", "ignore, debug, service requests, logins without a key", "cut off",
           before_login.messages_before_login, NOT_IN),
    Attack("broken SSH", "other protocols, packets too long, empty, cut off, noise", "closed",
           before_login.broken_packets, NOT_IN),
    Attack("held packets", "256 KiB that lack a byte", "closed", before_login.held_packets, NOT_IN),
    Attack("compression bomb", "only compressed SSH", "not offered", before_login.compression, NOT_IN),
    Attack("accounts x keys, files", "every key on every account", "only the right ones get in",
           who.every_key_on_every_account, ("login_failed",)),
    Attack("accounts x keys, agent", "an agent with many keys", "only the right ones get in",
           who.keys_in_an_agent, ("login_failed",)),
    Attack("failed logins", "until the network is kept out", "longer each time; never on the allow-list",
           who.kept_out_for_longer, ("banned",)),
    Attack("certificates", "of another authority, for others, ended, with conditions, of a host, tampered with",
           "only one that is in order gets in", credentials.certificates, ("login_failed",)),
    Attack("guessed passwords", "words without end, from one network and from many", "the network is kept out",
           credentials.guessed_passwords, ("banned",), HASH),
    Attack("passwords by time", "names of nobody against accounts with a password, and with keys only",
           "no difference", credentials.passwords_by_time, ("login_failed",), HASH),
    Attack("passwords where none is taken", "where they are off, and of accounts with keys only", "refused",
           credentials.passwords_without, ("login_failed", "not_logged_in"), HASH),
    Attack("sessions", "opened without end", "4 a connection, 40 an account",
           after_login.channels, ("channel_refused",)),
    Attack("open handles", "files and folders never closed", "32 and 8 a session",
           after_login.open_handles, REFUSED),
    Attack("listings", "without end", "others have their turn", after_login.listings, ()),
    Attack("requests", "STAT without end, pipelined", "slowed to the rate", after_login.requests, ("requests_slowed",)),
    Attack("unread answers", "READ without end, nothing read", "little waits in memory",
           after_login.unread_answers, ()),
    Attack("huge window", "a window of 4 GiB, nothing read", "little waits in memory", after_login.huge_window, ()),
    Attack("global requests", "signatures and keep-alives asked for without end", "little waits in memory",
           after_login.global_requests, ("request_refused",)),
    Attack("rekeying", "keys exchanged anew without end", "cut off", after_login.key_exchanges, ("connection_broken",)),
    Attack("half a rekeying", "begun in a session and never ended, requests behind it", "cut off",
           after_login.half_exchange_inside, ("connection_broken",)),
    Attack("environment", "variables of 30 KB without end", "refused", after_login.environment, ("request_refused",)),
    Attack("held requests", "256 KiB that lack a byte, in every session", "little waits in memory",
           after_login.held_requests, ()),
    Attack("another municipality", "every spelling of its folder, every request", "as one that does not exist",
           one_by_one.other_municipality, ("path_refused",)),
    Attack("names by time", "names that exist against names that do not", "no difference",
           one_by_one.names_by_time, ("path_refused",)),
    Attack("paths of the machine", "files, devices, the gateway's own folders", "refused",
           one_by_one.real_paths, ("path_refused",)),
    Attack("extended requests", "all of OpenSSH's, and others'", "refused", one_by_one.extended_requests, REFUSED),
    Attack("broken SFTP", "every type with noise, two INITs, packets too long or cut off", "refused",
           one_by_one.shapes, ("session_broken",)),
    Attack("far reads and writes", "4 GiB, offsets up to 2^64, handles of nobody", "refused",
           one_by_one.far_writes, REFUSED),
    Attack("not SFTP", "shell, commands, terminal, X11, agent, forwarding", "refused",
           one_by_one.not_sftp, ("request_refused",)),
)  # fmt: skip
