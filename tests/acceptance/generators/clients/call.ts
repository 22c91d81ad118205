// A client as anybody writes one on the types that openapi-typescript makes of our document: signs in,
// dispatches, reads the history, is refused. `test_generators.py` checks its types and runs it.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Dispatch = components["schemas"]["DispatchBody"];

const [url = "", password = ""] = process.argv.slice(2);

function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const open = createClient<paths>({ baseUrl: url });
const login = await open.POST("/api/v1/auth/login", {
  body: { username: "admin", password },
});
expect(login.data !== undefined, `sign-in: ${login.response.status}`);
const role: "NONE" | "VIEWER" | "OPERATOR" | "MANAGER" | "ADMIN" = login.data.data.user.role;
expect(role === "ADMIN", "the role");

const client = createClient<paths>({
  baseUrl: url,
  headers: { Authorization: `Bearer ${login.data.data.token}` },
});
await client.POST("/api/v1/devices", { body: { id: "typescript-1" } });
const at = { params: { path: { id: "typescript-1" } } };

const patch = { scanner: { baud: 115200, modes: ["a", "b"] }, old: null };
const body: Dispatch = { command: { type: "push_config", patch }, timeoutMs: 5000 };
const answer = await client.POST("/api/v1/devices/{id}/commands", { ...at, body });
expect(answer.data !== undefined && "success" in answer.data.data, "dispatch");
expect(answer.data.data.error?.code === "device_offline", "its error has a code");

const history = await client.GET("/api/v1/devices/{id}/commands", at);
expect(history.data !== undefined, "history");
const [newest] = history.data.data;
expect(newest !== undefined && newest.type === "push_config", "the newest command");
const message: string | undefined = newest.error?.message;
const percent: number | null | undefined = newest.progress?.percent;
expect(message !== undefined && percent === undefined, "why it failed");

const refused = await client.POST("/api/v1/devices/{id}/commands", {
  params: { path: { id: "nobody" } },
  body,
});
expect(refused.error?.code === "not_found", "a problem is typed");
