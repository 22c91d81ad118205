"""`python -m tests.acceptance.second_user UID GID SOCKET [LINE …]`: becomes that user, sends the
lines, and prints each that comes, with the moment at which it came."""

import json
import os
import socket
import sys
import time


def main(uid: int, gid: int, place: str, lines: list[str]) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    with socket.socket(socket.AF_UNIX) as agent:
        try:
            agent.connect(place)
        except PermissionError as error:
            sys.exit(error.strerror)
        agent.sendall("".join(f"{line}\n" for line in lines).encode())
        for line in agent.makefile():
            row = {"at": time.monotonic(), "line": json.loads(line)}
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
