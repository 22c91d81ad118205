/** What the address of the commands says; absent is all. */
export type CommandsSearch = {
  status?: string;
  type?: string;
  batch?: string;
  /** The command that is open beside the list: device, then command. */
  device?: string;
  command?: string;
};

const TEXTS = ["status", "type", "batch", "device", "command"] as const;

export function commandsSearch(search: Record<string, unknown>): CommandsSearch {
  const found: CommandsSearch = {};
  for (const key of TEXTS) {
    const value = search[key];
    if (typeof value === "string" && value !== "") found[key] = value;
    else if (typeof value === "number") found[key] = String(value);
  }
  return found;
}
