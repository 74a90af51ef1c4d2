"""paramiko, as a program of its own: see README.txt."""

import sys

import paramiko


def main() -> int:
    """Answer each line of standard input."""
    host, port, user, key = sys.argv[1:]
    transport = paramiko.Transport((host, int(port)))
    transport.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(key))
    client = paramiko.SFTPClient.from_transport(transport)
    if client is None:
        return 2
    failed = 0
    for line in sys.stdin:
        what, *words = line.rstrip("\n").split("\t")
        try:
            print("ok", do(client, what, words))
        except OSError as error:
            failed = 1
            print("error", error)
    transport.close()
    return failed


def do(client: paramiko.SFTPClient, what: str, words: list[str]) -> str:
    """One request."""
    match what:
        case "list":
            return " ".join(client.listdir(words[0]))
        case "put":
            client.put(words[0], words[1])
        case "get":
            client.get(words[0], words[1])
        case "rename":
            client.rename(words[0], words[1])
        case "remove":
            client.remove(words[0])
        case "touch":
            client.utime(words[0], (1518426000, 1518426000))
            client.chmod(words[0], 0o640)
        case "stat":
            client.stat(words[0])
    return ""


if __name__ == "__main__":
    sys.exit(main())
