"""A default Java client, which offers h2c with each request: it signs in and dispatches."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.hub.clients import Fleet
from tests.acceptance.hub.process import HubProcess

PROGRAM = """
import java.net.URI;
import java.net.http.*;
import java.util.regex.*;

class Dispatch {
    static final HttpClient client = HttpClient.newHttpClient();

    static String post(String address, String body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) request.headers(headers);
        HttpResponse<String> answer =
            client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode());
        return answer.body();
    }

    public static void main(String[] given) throws Exception {
        String login = String.format(
            "{\\"username\\":\\"admin\\",\\"password\\":\\"%s\\"}", given[1]);
        String grant = post(given[0] + "/api/v1/auth/login", login);
        Matcher token = Pattern.compile("\\"token\\":\\"([^\\"]+)").matcher(grant);
        token.find();
        System.out.println(post(given[0] + "/api/v1/devices/" + given[2] + "/commands",
            "{\\"command\\":{\\"type\\":\\"force_sync\\"}}",
            "Authorization", "Bearer " + token.group(1)));
    }
}
"""


async def test_a_default_java_client_signs_in_and_dispatches(
    hub: HubProcess, fleet: Fleet, tmp_path: Path
) -> None:
    if shutil.which("javac") is None:
        pytest.skip("no Java compiler here")
    source = tmp_path / "Dispatch.java"
    source.write_text(PROGRAM, "utf-8")
    device_id = await fleet.enroll()
    done = await asyncio.to_thread(
        subprocess.run, ["java", source, hub.url, hub.ready["adminPassword"], device_id],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[:2] == ["200", "200"], done.stdout + done.stderr
    assert '"code":"device_offline"' in lines[2]
