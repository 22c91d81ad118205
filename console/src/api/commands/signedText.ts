/**
 * What is signed of a command: a line, then RFC 8785 of all that decides what runs where, and until
 * when. Pure; the hub and the agent make the same bytes.
 */

export type SignedCommand = {
  org: string;
  deviceId: string;
  commandId: string;
  type: string;
  params: Record<string, unknown>;
  notAfter: string;
};

/** RFC 8785, of what JSON holds: numbers and texts are written as JavaScript writes them anyway. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  // By UTF-16 units, as JavaScript compares texts.
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, of]) => `${JSON.stringify(name)}:${canonicalJson(of)}`).join(",")}}`;
}

export function signedText(command: SignedCommand): string {
  const { org, deviceId, commandId, type, params, notAfter } = command;
  const all = { org, deviceId, commandId, type, params, notAfter };
  return `longline-command-v1\n${canonicalJson(all)}`;
}
