"""The forward proxy as Caddy reads it. Pure: the same settings are the same bytes.

No token stands in it: each request asks for one at the agent's socket. Where none is needed, the
client's own is taken away.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from device.base.broker_settings import ForwardProxy, port_of

HEAD: Final = "# Written by the Longline agent, from [[forward_proxy]] of its settings.\n"
_SITE: Final = """
http://:{port} {{
	bind {host}
	route {{
		forward_auth unix/{socket} {{
			uri /{token}
			copy_headers Authorization
			lb_try_duration 10s
		}}
		@anonymous header Authorization ""
		request_header @anonymous -Authorization
		reverse_proxy {upstream} {{
			header_up Host {{upstream_hostport}}
{transport}		}}
	}}
}}
"""
_TRUST: Final = """			transport http {{
				tls_trusted_ca_certs {ca_file}
			}}
"""


def caddy_file(proxies: Sequence[ForwardProxy], socket: Path) -> str:
    return HEAD + "".join(_site(proxy, socket) for proxy in proxies)


def _site(proxy: ForwardProxy, socket: Path) -> str:
    return _SITE.format(
        port=port_of(proxy.listen),
        host=proxy.listen.rpartition(":")[0],
        socket=_quoted(socket),
        token=proxy.token,
        upstream=proxy.upstream,
        transport=_TRUST.format(ca_file=_quoted(proxy.ca_file)) if proxy.ca_file else "",
    )


def _quoted(path: Path | str) -> str:
    text = str(path)
    if not re.search(r'[\s"]', text):
        return text
    return '"' + text.replace('"', '\\"') + '"'
