"""Debian's slapd in a process of its own, with some people."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import ldap3

from tests.acceptance.sign_in.provider import free_port
from tests.certificates import Authority

SLAPD = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
BASE = "dc=example,dc=org"
ROOT, ROOT_PASSWORD = f"cn=root,{BASE}", "the-password-of-the-one-who-searches"
START_SECONDS = 20
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix "{base}"
directory {folder}/data
rootdn "{root}"
rootpw {password}
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""


class DirectoryProcess:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tls_port, self.port = free_port(), free_port()
        authority = Authority(folder)
        self.ca_pem = authority.file.read_text()
        certificate, key = authority.issue("localhost")
        (folder / "data").mkdir()
        self._configuration = folder / "slapd.conf"
        self._configuration.write_text(
            CONFIGURATION.format(
                folder=folder, certificate=certificate, key=key, base=BASE, root=ROOT,
                password=ROOT_PASSWORD,
            )
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert SLAPD is not None
        where = f"ldaps://127.0.0.1:{self.tls_port} ldap://127.0.0.1:{self.port}"
        with (self._folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SLAPD, "-f", str(self._configuration), "-h", where, "-d", "none"],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            said = (self._folder / "slapd.log").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _root(self) -> ldap3.Connection:
        server = ldap3.Server("127.0.0.1", port=self.port, get_info=ldap3.NONE)
        return ldap3.Connection(server, ROOT, ROOT_PASSWORD, raise_exceptions=True)

    def fill(self) -> None:
        with self._root() as root:
            root.add(BASE, ["dcObject", "organization"], {"dc": "example", "o": "Example"})  # pyright: ignore[reportUnknownMemberType]

    def person(self, uid: str, password: str, *, sn: str = "Somebody") -> str:
        """The name of the entry."""
        dn = f"uid={uid},{BASE}"
        with self._root() as root:
            root.add(  # pyright: ignore[reportUnknownMemberType]
                dn,
                ["inetOrgPerson"],
                {"uid": uid, "cn": uid, "sn": sn, "displayName": sn, "userPassword": password},
            )
        return dn

    def group(self, name: str, *members: str) -> str:
        dn = f"cn={name},{BASE}"
        with self._root() as root:
            root.add(dn, ["groupOfNames"], {"cn": name, "member": list(members)})  # pyright: ignore[reportUnknownMemberType]
        return dn

    def delete(self, dn: str) -> None:
        with self._root() as root:
            root.delete(dn)  # pyright: ignore[reportUnknownMemberType]
